"""Candles of any timeframe, coverage and gaps out of what is published, in Python and in SQL."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import dlt_pipeline
from dlt_pipeline import publish
from dlt_pipeline.common.exceptions import BadInputError, NothingBuiltError
from dlt_pipeline.publishing.publisher import Published, Publisher
from tests.conftest import held
from tests.pages import blocks
from tests.publishing.made import Made

FIELDS = (
    "open, high, low, close, base_volume, quote_volume, taker_buy_quote_volume, taker_buy_count, trade_count, "
    "first_trade_id, last_trade_id, is_empty, source"
)
# What a build makes of minutes, told anew from them.
EXPECTED = """
    select * from (
        select
            {start} as bucket_start, arg_min(price, started), max(price), min(price), arg_max(price, started),
            sum(volume), sum(price * volume), sum(price * volume * (minute % 3 = 0)::int), sum((minute % 3 = 0)::int),
            count(*) as trades, min(minute), max(minute), sum(volume) = 0, 'trades'
        from made.minutes where symbol = 'BTC/USD' and source = 'trades'
        group by all
    )
    where trades = {whole} order by 1
"""
DAYS = """
    create or replace table made.minutes as
    select
        'trades' as source, 'BTC/USD' as symbol, timestamp '2025-12-30' + hour * interval 1 hour as started,
        cast(0.1 + hour % 700 as decimal(38, 12)) as price,
        cast(0.00000001 * (hour % 13 + 1) as decimal(38, 12)) as volume,
        hour as minute
    from range(24 * 70) as r (hour)
"""


def _rows(made: Made, timeframe: str, symbol: str = "BTC/USD") -> list[tuple[Any, ...]]:
    return made.read(f"select bucket_start, {FIELDS} from candles_of('{symbol}', '{timeframe}') order by 1")


def _publish(made: Made) -> Published:
    return publish(made.path)


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
def test_half_hours_of_minutes_are_what_a_build_makes_of_them(made: Made, numbers: str) -> None:
    made.build("select 1", numbers=numbers)
    _publish(made)
    rows = _rows(made, "30m")
    expected = made.query(EXPECTED.format(start="time_bucket(interval 30 minute, started)", whole=30))
    same = [tuple(float(v) if isinstance(v, Decimal) and numbers == "float64" else v for v in row) for row in expected]
    assert len(rows) == 6
    assert rows == same
    (vwap, quote, base) = made.read(
        "select vwap, quote_volume, base_volume from candles_of('BTC/USD', '30m') order by bucket_start"
    )[1]
    if numbers == "decimal":
        assert vwap == (quote / base).quantize(Decimal("1e-12"), rounding="ROUND_DOWN")
    else:
        assert vwap == quote / base


@pytest.mark.parametrize(
    ("timeframe", "start", "hours"),
    [
        ("1d", "time_bucket(interval 1 day, started)", 24),
        ("12h", "time_bucket(interval 12 hour, started)", 12),
        ("1w", "epoch_ms((epoch_ms(started) // 604800000) * 604800000)", 168),
        ("1w_monday", "date_trunc('week', started)", 168),
        ("1mo", "date_trunc('month', started)", "date_diff('hour', bucket_start, bucket_start + interval 1 month)"),
    ],
)
def test_days_weeks_and_months_hold_what_lies_in_them(made: Made, timeframe: str, start: str, hours: int | str) -> None:
    made.build(DAYS, numbers="decimal")
    _publish(made)
    rows = _rows(made, timeframe)
    assert rows == made.query(EXPECTED.format(start=start, whole=hours))
    assert len(rows) >= 2
    assert made.read(f"select distinct symbol, timeframe from candles_of('BTC/USD', '{timeframe}')") == [
        ("BTC/USD", timeframe)
    ]


def test_a_published_timeframe_is_given_as_it_is(published: Made) -> None:
    for timeframe in ("1m", "1h"):
        ours = f"from ohlcv where symbol = 'BTC/USD' and timeframe = '{timeframe}' order by bucket_start, source"
        assert published.read(f"select * {ours}") == published.read(
            f"select * from candles_of('BTC/USD', '{timeframe}') order by bucket_start, source"
        )


def test_a_bucket_of_which_a_part_is_missing_is_not_there_unless_its_time_is_proven(made: Made) -> None:
    """Where the policy leaves out minutes without a trade, coverage says that nothing is missing."""
    made.build("delete from made.minutes where symbol = 'BTC/USD' and minute in (40, 100)")
    _publish(made)
    assert [row[0].strftime("%H:%M") for row in _rows(made, "30m")] == ["22:00", "23:00", "00:00", "00:30"]
    made.build(
        "create or replace table kraken.coverage as select 'BTC/USD' as symbol, timestamp '2025-12-31 22:10' as "
        "covered_from, timestamp '2025-12-31 23:00' as covered_to"
    )
    _publish(made)
    assert [row[0].strftime("%H:%M") for row in _rows(made, "30m")] == ["22:00", "22:30", "23:00", "00:00", "00:30"]


def test_a_bucket_of_two_sources_says_so_and_knows_no_quote_volume(made: Made) -> None:
    made.build(
        "delete from made.minutes where source = 'trades' and symbol = 'ETH/USD' and minute < 10;"
        "delete from made.minutes where source = 'rest' and symbol = 'ETH/USD' and minute >= 10"
    )
    _publish(made)
    first, second, *_ = _rows(made, "30m", "ETH/USD")
    assert (first[-1], *first[6:10]) == ("rest+trades", None, None, None, 30)
    assert (second[-1], second[9]) == ("trades", 30)
    assert None not in second[6:9]


def test_timeframes_that_only_kraken_has_do_not_hide_what_trades_prove(made: Made) -> None:
    """Minutes are of trades, hours Kraken's own and fewer: ours where they make a whole bucket, else theirs."""
    made.build("delete from made.minutes where source = 'trades' and minute >= 150")
    with duckdb.connect(str(made.path)) as connection:
        connection.execute("delete from kraken.made_candles where source = 'trades' and timeframe = '1h'")
        connection.execute("update kraken.made_candles set is_best = true where symbol = 'BTC/USD'")
        connection.execute(
            "delete from kraken.made_candles where source = 'rest' "
            "and (timeframe = '1m' or bucket_start < '2025-12-31 23:00')"
        )
        connection.execute("update kraken.made_candles set vwap = 7 where source = 'rest'")
        connection.execute(
            "create or replace table kraken.export_partitions as select source, symbol, timeframe, year, count(*) as "
            "row_count, 'x' as content_hash, 'null' as empty_bucket_policy from kraken.exported_candles group by all"
        )
    _publish(made)
    assert [(row[0].hour, row[-1]) for row in _rows(made, "1h")] == [(22, "trades"), (23, "trades"), (0, "rest")]
    assert made.read("select vwap from candles_of('BTC/USD', '1h') where source = 'rest'") == [(7.0,)]
    assert [row[-1] for row in _rows(made, "30m")] == ["trades"] * 5
    assert len(_rows(made, "1m")) == 150


def test_carried_prices_of_empty_minutes_are_none_of_a_bucket_with_trades(made: Made) -> None:
    made.build("update made.minutes set volume = 0, price = 999 where symbol = 'BTC/USD' and minute in (0, 29)")
    _publish(made)
    assert _rows(made, "30m")[0][1:5] == (1.1, 28.1, 1.1, 28.1)


@pytest.mark.parametrize("timeframe", ["7m", "90s", "1y", "", "0h", "9999999999d", "9999999mo", "1h'; drop"])
def test_what_cannot_be_made_is_refused_in_a_sentence(published: Made, timeframe: str) -> None:
    with pytest.raises(BadInputError, match=r"No candles of the timeframe .* \(1h, 1m\): write it as 3m"):
        dlt_pipeline.candles("BTC/USD", timeframe, warehouse=published.path)


def test_frames_have_aware_times_in_order(published: Made) -> None:
    made = dlt_pipeline.candles(
        "BTC/USD", "30m", "2025-12-31 22:30", datetime(2026, 1, 1, 0, 30, tzinfo=timezone.utc), warehouse=published.path
    )
    assert isinstance(made, pd.DataFrame)
    assert str(made["bucket_start"].dt.tz) == "UTC"
    starts = [f"{start:%H:%M}" for start in made["bucket_start"]]
    assert starts == ["22:30", "23:00", "23:30", "00:00"]
    later = datetime(2025, 12, 31, 18, 30, tzinfo=timezone(timedelta(hours=-5)))
    as_arrow = dlt_pipeline.candles("BTC/USD", "30m", later, warehouse=published.path, engine="arrow")
    assert as_arrow.column("bucket_start").to_pylist()[0] == datetime(2025, 12, 31, 23, 30, tzinfo=timezone.utc)
    as_polars = dlt_pipeline.candles("BTC/USD", "30m", later, warehouse=published.path, engine="polars")
    assert as_polars.height == as_arrow.num_rows == 3


def test_no_writer_and_no_old_reader_of_this_process_is_in_the_way(published: Made) -> None:
    with duckdb.connect(str(published.published), read_only=True) as old:
        old.execute("set TimeZone = 'UTC'")
        old.execute("select count(*) from candles").fetchall()
        published.build("update made.minutes set price = price + 1")
        _publish(published)
        with held(published.path):
            seen = dlt_pipeline.candles("BTC/USD", "1h", warehouse=published.path)
    assert seen["open"].iloc[0] == 1.1


def test_coverage_and_gaps_are_published_beside_the_candles(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (dlt_pipeline.coverage, dlt_pipeline.gaps):
        with pytest.raises(NothingBuiltError, match="Nothing is published"):
            ask(warehouse=made.path)
    _publish(made)
    with pytest.raises(NothingBuiltError, match="has no gaps; run `kraken-candles publish`"):
        dlt_pipeline.gaps(warehouse=made.path)
    made.build(
        "create or replace table kraken.gaps as select unnest(['BTC/USD', 'ETH/USD']) as symbol, "
        "timestamp '2025-12-31 22:10' as gap_from, timestamp '2025-12-31 23:00' as gap_to, 'never_loaded' as reason"
    )
    _publish(made)
    gaps = dlt_pipeline.gaps("BTC/USD", warehouse=made.path)
    assert gaps["gap_from"].tolist() == [pd.Timestamp("2025-12-31 22:10", tz="UTC")]
    assert len(dlt_pipeline.gaps(start="2025-12-31 22:59", end="2026-01-01", warehouse=made.path)) == 2
    assert len(dlt_pipeline.gaps(start="2025-12-31 23:00", warehouse=made.path)) == 0
    assert len(dlt_pipeline.gaps(end="2025-12-31 22:10", warehouse=made.path)) == 0
    assert made.read("select count(*) from kraken.gaps") == [(2,)], "in SQL too, by the warehouse's name"
    (code,) = [block for block in blocks("python") if "dlt_pipeline.candles(" in block]
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(made.path))
    named: dict[str, Any] = {}
    exec(code.replace("2026-11", "2025-12").replace("-06", "-31").replace("2025-12-08", "2026-01-01"), named)
    assert named["bars"]["open"].tolist() == [0.1]
    assert len(named["holes"]) == 1
    first = [path for path in made.versions() if path.parent.name == "facts"]
    _publish(made)
    assert [path for path in made.versions() if path.parent.name == "facts"] == first, "the same rows are one file"


def test_bars_are_published_beside_the_candles_and_a_round_leaves_their_file_alone(made: Made) -> None:
    _publish(made)
    with pytest.raises(NothingBuiltError, match="say in the variable kraken_candles_bars"):
        dlt_pipeline.bars("BTC/USD", "coins", warehouse=made.path)
    made.build(
        "create or replace table kraken.bars as select 'coins' as bar, range as bar_number, 'BTC/USD' as symbol, "
        "date '2025-12-31' as traded_on, timestamp '2025-12-31 22:00' + range * interval 1 minute as first_traded_at, "
        "range < 3 as is_closed from range(1, 4)"
    )
    publisher = Publisher(made.path)
    publisher.publish()
    found = dlt_pipeline.bars("BTC/USD", "coins", start="2025-12-31 22:02", warehouse=made.path)
    assert found["bar_number"].tolist() == [2], "closed, and in the range"
    for symbol, bar, said in (("BTC/USD", "ticks", "there are coins"), ("ETH/USD", "coins", "there are BTC/USD")):
        with pytest.raises(BadInputError, match=said):
            dlt_pipeline.bars(symbol, bar, warehouse=made.path)
    made.build("update made.minutes set volume = 9 where minute = 179; delete from kraken.bars where bar_number = 1")
    publisher.publish_newest()
    assert made.read("select count(*) from kraken.bars") == [(3,)], "bars change with whole builds alone"
    Publisher(made.path).publish()  # a build beside it
    made.build("update made.minutes set volume = 8 where minute = 179")
    publisher.publish_newest()
    assert made.read("select count(*) from kraken.bars") == [(2,)], "nobody sets back what another one published"


@pytest.mark.parametrize(("symbol", "said"), [("BTC/USDT", "there are BTC/USD"), ("btc/usd", "there are BTC/USD")])
def test_an_unknown_symbol_is_told_the_nearest(published: Made, symbol: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        dlt_pipeline.candles(symbol, "1h", warehouse=published.path)


def test_an_unknown_engine_and_a_broken_file_are_sentences(published: Made, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="take pandas, polars, arrow"):
        dlt_pipeline.candles("BTC/USD", "1h", engine="numpy", warehouse=published.path)  # type: ignore[arg-type]
    published.published.chmod(0o644)
    published.published.write_bytes(published.published.read_bytes()[:100])
    way_out = r"published\.duckdb is .*; run `kraken-candles publish`, which writes it anew\.$"
    with pytest.raises(dlt_pipeline.common.exceptions.KrakenCandlesError, match=way_out):
        dlt_pipeline.candles("BTC/USD", "1h", warehouse=published.path)
    dlt_pipeline.publish(published.path)
    assert len(dlt_pipeline.candles("BTC/USD", "1h", warehouse=published.path))


def test_the_macro_works_where_the_file_is_attached_under_another_name(published: Made) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'UTC'; attach '{published.published}' as theirs (read_only)")
        query = "select count(*) from theirs.{}.candles_of('BTC/USD', '30m')"
        assert [connection.execute(query.format(schema)).fetchall() for schema in ("main", "kraken")] == [[(6,)]] * 2
        connection.execute("set TimeZone = 'America/New_York'")
        with pytest.raises(duckdb.InvalidInputException, match="run SET TimeZone = 'UTC' first"):
            connection.execute(query.format("main"))
