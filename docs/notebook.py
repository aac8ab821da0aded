"""What is published, in a notebook: the newest candles, a chart, the proof, volatility, and Kraken's own beside ours.

`marimo edit docs/notebook.py` opens it, in the folder of published.duckdb; `python docs/notebook.py` runs it.
"""

import marimo

app = marimo.App(width="medium", app_title="Candles")

with app.setup:
    from collections.abc import Mapping

    import altair
    import duckdb
    import marimo as mo
    import pyarrow as pa

    from dlt_pipeline.warehouse.dbt import project_folder

    PUBLISHED = "published.duckdb"
    QUERIES = project_folder() / "dbt_project" / "queries"


@app.function
def ask(sql: str, values: Mapping[str, object] | None = None) -> pa.Table:
    """Return the rows of a query of what is published, as it stands now; $names in it are values."""
    with duckdb.connect(PUBLISHED, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.sql(sql, params=values or {}).to_arrow_table()


@app.function
def ready(query: str, values: Mapping[str, str]) -> pa.Table:
    """Return the rows of a file of dbt_project/queries, with other values of what it sets at its head."""
    *settings, last = duckdb.extract_statements((QUERIES / f"{query}.sql").read_text())
    with duckdb.connect(PUBLISHED, read_only=True) as connection:
        for setting in settings:
            connection.execute(setting)
        for name, value in values.items():
            connection.execute(f"set variable {name} = $value", {"value": value})
        return connection.sql(last.query).to_arrow_table()


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Candles

    Everything here is read from `published.duckdb` in the working folder: closed candles, each with every trade of its
    bucket. Times are UTC. Publish anew and run the cells again to see what has come.
    """)
    return


@app.cell
def _():
    known = ask("select distinct symbol, timeframe from candles where is_closed order by all").to_pylist()
    return (known,)


@app.cell
def _(known):
    symbol = mo.ui.dropdown(sorted({row["symbol"] for row in known}), value=known[0]["symbol"], label="symbol")
    symbol
    return (symbol,)


@app.cell
def _(known, symbol):
    timeframes = [row["timeframe"] for row in known if row["symbol"] == symbol.value]
    timeframe = mo.ui.dropdown(timeframes, value="1h" if "1h" in timeframes else timeframes[0], label="timeframe")
    timeframe
    return (timeframe,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The newest of each pair
    """)
    return


@app.cell
def _(timeframe):
    latest = ready("latest_candles", {"timeframe": timeframe.value})
    latest
    return (latest,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The chart

    The 200 newest candles in which somebody traded. Where time is left out nobody did, or a gap lies there: see below.
    """)
    return


@app.cell
def _(symbol, timeframe):
    traded = ask(
        """
        select bucket_start, open::double as open, high::double as high, low::double as low, close::double as close
        from candles
        where symbol = $symbol and timeframe = $timeframe and is_closed and not is_empty
        order by bucket_start desc
        limit 200
        """,
        {"symbol": symbol.value, "timeframe": timeframe.value},
    )
    time = altair.X("bucket_start:T", title=None)
    color = altair.when("datum.open <= datum.close").then(altair.value("#0a7d55")).otherwise(altair.value("#c2352b"))
    price = altair.Scale(zero=False)
    chart = altair.Chart(traded, width=650).encode(x=time, color=color)
    wicks = chart.mark_rule().encode(y=altair.Y("low:Q", title="price", scale=price), y2="high:Q")
    bodies = chart.mark_bar(size=3).encode(y=altair.Y("open:Q", scale=price), y2="close:Q")
    candle_chart = wicks + bodies
    candle_chart
    return candle_chart, traded


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The proof

    Stretches of time of which every trade is loaded, by what that is proven, and what lies between.
    """)
    return


@app.cell
def _(symbol):
    proven = ask(
        """
        select covered_from, covered_to, first_trade_id, last_trade_id, trade_count, proven_by from coverage
        where symbol = $symbol order by covered_from
        """,
        {"symbol": symbol.value},
    )
    gaps = ask(
        "select gap_from, gap_to, reason, ids_between, is_accepted from gaps where symbol = $symbol order by gap_from",
        {"symbol": symbol.value},
    )
    mo.vstack([proven, gaps if gaps.num_rows else mo.md("No gap between them.")])
    return gaps, proven


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Realised volatility

    Of each UTC day, a year, from the log returns of minutes; none of them spans a gap.
    """)
    return


@app.cell
def _(symbol):
    volatility = ready("realised_volatility", {"symbol": symbol.value, "timeframe": "1m"})
    days = altair.Chart(volatility, width=650, height=150)
    days.mark_bar().encode(
        x=altair.X("traded_on:T", title=None), y=altair.Y("volatility:Q", axis=altair.Axis(format="%"))
    )
    return (volatility,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Kraken's own candles beside ours

    Of all buckets that both have: how many are equal in every figure (`kraken.check_rest_candles` of the warehouse
    says which are not). Of a bucket in which nobody traded only that is compared: Kraken repeats the close before.
    """)
    return


@app.cell
def _(symbol):
    compared = ask(
        """
        select
            ours.timeframe, count(*) as compared_count,
            count(*) filter (
                where (ours.base_volume, ours.trade_count) = (theirs.base_volume, theirs.trade_count)
                    and (
                        ours.is_empty
                        or (ours.open, ours.high, ours.low, ours.close)
                        = (theirs.open, theirs.high, theirs.low, theirs.close)
                    )
            ) as equal_count
        from candles as ours
        inner join rest_candles as theirs using (symbol, timeframe, bucket_start)
        where ours.symbol = $symbol and ours.is_closed
        group by ours.timeframe
        order by compared_count desc
        """,
        {"symbol": symbol.value},
    )
    compared if compared.num_rows else mo.md(
        "What is published has no candle of Kraken's own in proven time of this symbol."
    )
    return (compared,)


if __name__ == "__main__":
    app.run()
