"""A warehouse that an older version broke: a load names the repair, the repair replaces, and the next load goes on."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.repairs import supersede as module
from dlt_pipeline.repairs.plan import plan_repairs
from dlt_pipeline.repairs.supersede import supersede
from tests.conftest import object_in
from tests.dbt_project.dbt_in_process import DbtProject, read_models
from tests.dbt_project.same_tables import compared, differences
from tests.loading.quick import DAY_NS, NOW, NOW_NS, START, SYMBOLS, quick_load
from tests.truth import expected_trades, loaded_trades, query

SYMBOL = "BTC/USD"
_LAST = "symbol = '{0}' and covered_to_ns = (select max(covered_to_ns) from kraken_raw.pages where symbol = '{0}')"
_ROW = """
    insert into kraken_raw.trades by name
    select * replace ({1}) from kraken_raw.trades where symbol = '{0}'
    qualify row_number() over (order by trade_id desc) = 1
"""
# By symbol, a kind of old trouble as it stands in the warehouse, and what a load then says.
BROKEN = {
    "BTC/USD": (  # a ledger three days in the future, and a made-up row at its end
        f"time_ns + {3 * DAY_NS} as time_ns, trade_id + 1000 as trade_id",
        f"covered_to_ns = covered_to_ns + {3 * DAY_NS}",
        "but this exchange's clock says",
    ),
    "MINA/GBP": (  # the last row once more, without its id
        "0 as trade_id, time_ns as idless_time_ns, 1 as place, trade_id as after_trade_id",
        "tail_count = 1, idless_since_id = 1",
        "were there before",
    ),
    "BONK/USD": (
        "1e15::bigint as trade_id",
        "known_trade_id = 1e15::bigint, last_trade_id = 1e15::bigint",
        "counts this pair anew, or the known id was wrong",
    ),
}


def break_like_an_older_version(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for symbol, (row, ledger, _) in BROKEN.items():
            for statement in (
                _ROW.format(symbol, row),
                f"update kraken_raw.pages set {ledger} where {_LAST.format(symbol)}",
            ):
                ((count,),) = connection.execute(statement).fetchall()
                assert count == 1


def test_what_an_older_version_broke_is_mended_by_the_command_that_the_load_names(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, command: Callable[..., tuple[int, str]]
) -> None:
    exchange.clock.set(NOW - timedelta(hours=6))
    quick_load()
    break_like_an_older_version(warehouse)
    exchange.clock.set(NOW)
    for symbols in (["BTC/USD"], ["BONK/USD", "MINA/GBP"]):
        code, text = command("load", *SYMBOLS, "--start", START, "--timeframes", "none")
        assert code == 1
        for symbol in symbols:
            assert BROKEN[symbol][-1] in text
            assert f"`kraken-candles repair {symbol} --start 2026-11-08`" in text
        assert not supersede(symbols, "2026-11-08").failures
    assert not quick_load().failures
    for symbol in SYMBOLS:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)
    assert not query(warehouse, f"select 1 from kraken_raw.pages where covered_to_ns > {NOW_NS}")


_ALL = "select * from kraken_raw.{} order by all"


def test_of_a_window_inside_only_the_answers_that_reach_into_it_are_replaced(
    exchange: LocalExchange,
    feed: SyntheticFeed,
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "100")
    quick_load(SYMBOL)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update kraken_raw.trades set price = 1 where traded_on = '2026-11-07'")
    before = {table: query(warehouse, _ALL.format(table)) for table in ("trades", "pages", "id_holes")}

    exchange.faults.add(Fault("hide_ids", "Trades", ids={4000}, times=None))
    report = supersede([SYMBOL], "2026-11-07", "2026-11-08")
    assert "leaves out 1 ids" in str(report.failures[SYMBOL])
    exchange.faults.clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_count", stopping_at_the_last(module._count))
        with pytest.raises(KeyboardInterrupt):
            supersede([SYMBOL], "2026-11-07", "2026-11-08")
    assert {table: query(warehouse, _ALL.format(table)) for table in before} == before

    ((replaced,),) = query(warehouse, "select count(*) from kraken_raw.trades where price = 1")
    (done,) = supersede([SYMBOL], "2026-11-07", "2026-11-08").done
    assert done.trades_before == done.trades_now < replaced + 200, "half a page more on either side"
    assert loaded_trades(warehouse, SYMBOL) == expected_trades(feed, SYMBOL, NOW_NS)
    stayed = set(query(warehouse, _ALL.format("pages"))) & set(before["pages"])
    assert len(stayed) > len(before["pages"]) / 2
    calls = len(exchange.calls)
    assert quick_load(SYMBOL, end="2026-11-08").trades.get(SYMBOL, 0) == 0
    assert not [call for call in exchange.calls[calls:] if call.path == "Trades"], "the ledger is whole"

    with duckdb.connect(str(warehouse)) as connection:  # a row that a file with ids brought stays as it is, once
        connection.execute("create table kraken_raw.archive_parts as select 'archive' as _dlt_load_id")
        connection.execute("update kraken_raw.trades set price = 1, _dlt_load_id = 'archive' where trade_id = 4000")
    assert not supersede([SYMBOL], "2026-11-07", "2026-11-08").failures
    rows = query(warehouse, "select trade_id, count(*), max(price) from kraken_raw.trades group by all order by all")
    assert len(rows) == len(expected_trades(feed, SYMBOL, NOW_NS))
    assert [row for row in rows if row[1] > 1 or row[2] == 1] == [(4000, 1, 1)]


def stopping_at_the_last(count: Callable[..., int]) -> Callable[..., int]:
    """As a kill would, when all but the row that completes the load is written."""

    def stopping(connection: duckdb.DuckDBPyConnection, statement: str, values: dict[str, Any]) -> int:
        if "_dlt_loads" in statement:
            raise KeyboardInterrupt
        return count(connection, statement, values)

    return stopping


@pytest.mark.long
def test_days_of_replaced_trades_are_built_anew_though_nothing_is_more_or_less(
    exchange: LocalExchange,
    warehouse: Path,
    target: Path,
    command: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """On the second day as many answers, as many trades, the same last price: only what lies between was wrong."""
    monkeypatch.chdir(tmp_path)
    quick_load(SYMBOL, end="2026-11-08")
    truth = loaded_trades(warehouse, SYMBOL)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update kraken_raw.trades set price = 2 * price where trade_id % 100 = 0")
        connection.execute("insert into kraken_raw.trades from kraken_raw.trades where trade_id = 7")
    project = DbtProject(target, warehouse, {})
    names = ("candles", "trades", "coverage", "gaps", "id_holes", "rest_candles")
    models = [model for model in project.models if model.name in names]
    select = ("--select", *(f"+{model.name}" for model in models))
    project.run(warehouse, *select)
    wrong = read_models(warehouse, models)
    (left,) = plan_repairs().left_out
    assert "`kraken-candles repair BTC/USD --start 2026-11-06 --end 2026-11-07`" in left.why
    code, text = command("repair", SYMBOL, "--start", START, "--end", "2026-11-08", "--json")
    assert code == 0, text
    told = object_in(text)
    assert (told["replaced"][0]["trade_count"], told["build"]["is_green"]) == (len(truth), True)
    assert f"{len(truth) + 1:,} trades from 2026-11-06 00:00:00 (UTC) on replaced by {len(truth):,}" in text
    assert loaded_trades(warehouse, SYMBOL) == truth
    grown = read_models(warehouse, models)
    project.run(warehouse, "--full-refresh", *select)
    anew = read_models(warehouse, models)
    assert differences(compared(wrong), compared(anew))
    assert not differences(compared(grown), compared(anew))


def test_a_window_to_replace_wants_its_symbols(command: Callable[..., tuple[int, str]]) -> None:
    code, text = command("repair", "--start", START)
    assert (code, "needs its symbols and --start" in text) == (2, True)
    code, text = command("repair", SYMBOL, "--start", START, "--again")
    assert (code, "give no list, reason or timeframe beside them" in text) == (2, True)
