"""A plan tells what covers which time, and its commands fill what is missing at the price it says."""

import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import plan
from dlt_pipeline.common.exceptions import BadInputError, NoConnectionError, UnknownSymbolError
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.estimates.plan import Plan, PlanRange
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import LoadReport, load
from tests.loading.quick import NOW, NOW_NS, START_NS, quick_load
from tests.truth import expected_trades

HOUR_NS = 3_600 * 10**9
RUNNING_NS = NOW_NS // (60 * 10**9) * 60 * 10**9


def states(made: Plan) -> list[tuple[str, str | None, float, float]]:
    """State, way and bounds in hours since the first day."""
    return [
        (one.state, one.way, (one.start_ns - START_NS) / HOUR_NS, (one.end_ns - START_NS) / HOUR_NS)
        for one in made.ranges
    ]


def whole(made: Plan) -> None:
    assert made.ranges[0].start_ns == made.start_ns
    assert made.ranges[-1].end_ns == made.end_ns
    for one, following in pairwise(made.ranges):
        assert one.end_ns == following.start_ns


def run(one: PlanRange) -> LoadReport:
    """Do what the range's command says, by the function of the same name."""
    assert one.command
    words = shlex.split(one.command)
    assert words[:2] == ["kraken-candles", "load"]
    assert "--exact" in words
    option = {name: words[words.index(name) + 1] for name in ("--start", "--end", "--timeframes")}
    timeframes = () if option["--timeframes"] == "none" else option["--timeframes"].split(",")
    return load([words[2]], option["--start"], option["--end"], timeframes=timeframes, exact=True)


def test_without_a_warehouse_all_is_missing(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    made = plan("BTC/USD", "1m", "2026-11-06")
    whole(made)
    assert (made.start_ns, made.end_ns) == (START_NS, RUNNING_NS)
    assert {one.state for one in made.ranges} == {"missing"}
    assert sum(one.price.trades for one in made.ranges if one.price) == len(
        expected_trades(feed, "BTC/USD", NOW_NS, START_NS, RUNNING_NS)
    )
    assert not warehouse.exists()


def test_gaps_are_found_priced_without_calls_and_filled_by_their_commands(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    for start, end in (("2026-11-06T02:00", "2026-11-06T05:00"), ("2026-11-06T09:00", "2026-11-07T01:00")):
        quick_load("BTC/USD", start=start, end=end, exact=True)
    made = plan("BTC/USD", "1m", "2026-11-06", "2026-11-06T12:00", exact=True)
    whole(made)
    # The instant at which a covered range begins is asked for again: it may be proven by the missing answer alone.
    assert [(state, round(start, 6), round(end, 6)) for state, _, start, end in states(made)] == [
        ("missing", 0, 2),
        ("trades", 2, 5),
        ("missing", 5, 9),
        ("trades", 9, 12),
    ]
    for one, hours, calls in ((made.ranges[0], (0, 2), 1), (made.ranges[2], (5, 9), 0)):
        assert one.price is not None
        bounds = (START_NS + hours[0] * HOUR_NS, START_NS + hours[1] * HOUR_NS)
        assert one.price.trades == len(expected_trades(feed, "BTC/USD", NOW_NS, *bounds))
        assert one.price.asked_calls == calls, "the seams of what is loaded are known"
        assert run(one).trades["BTC/USD"] == one.price.trades
    filled = plan("BTC/USD", "1m", "2026-11-06", "2026-11-06T12:00", exact=True)
    assert [(one.state, one.command) for one in filled.ranges] == [("trades", None)]


def test_what_the_ohlc_endpoint_still_has_is_taken_from_there(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    """At 12:34 on the third day, 719 committed candles of 5m reach back to 00:35 on the first."""
    made = plan("BTC/USD", "5m", "2026-11-06")
    whole(made)
    first, second = made.ranges
    assert (first.way, second.way) == ("trades", "rest")
    assert second.start_ns == START_NS + 35 * 60 * 10**9
    assert second.calls is not None
    assert second.price is not None
    assert second.calls < second.price.calls
    before = len(exchange.calls)
    run(second)
    asked = [call for call in exchange.calls[before:] if call.path.endswith(("Trades", "OHLC"))]
    assert len(asked) <= second.calls
    filled = plan("BTC/USD", "5m", "2026-11-06")
    whole(filled)
    assert [one.state for one in filled.ranges] == ["missing", "rest"]
    run(first)
    assert "missing" not in {one.state for one in plan("BTC/USD", "5m", "2026-11-06").ranges}


def test_a_snapshot_inside_what_is_proven_asks_for_no_trades(exchange: LocalExchange) -> None:
    quick_load("BTC/USD", end="2026-11-07")
    made = plan("BTC/USD", "15m", "2026-11-06")
    assert [(one.state, one.way, one.calls) for one in made.ranges] == [("trades", None, None), ("missing", "rest", 1)]
    before = len(exchange.calls)
    run(made.ranges[1])
    asked = [call.path for call in exchange.calls[before:]]
    assert [path for path in asked if path.endswith(("Trades", "OHLC"))] == ["OHLC"]
    assert {one.state for one in plan("BTC/USD", "15m", "2026-11-06").ranges} == {"trades", "rest"}
    other = plan("BTC/USD", "12h", "2026-11-06", "2026-11-08")
    assert [(one.state, one.way) for one in other.ranges] == [("trades", None), ("missing", "trades")], "no 12h there"


def test_few_trades_are_asked_for_rather_than_candles(exchange: LocalExchange) -> None:
    made = plan("MINA/GBP", "5m", "2026-11-07", "2026-11-08")
    assert [(one.way, one.calls) for one in made.ranges] == [("trades", 2)]


def test_old_and_large_is_a_matter_of_downloads(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN_JOBS__ARCHIVE_CALLS", "1")
    made = plan("BTC/USD", "1m", "2026-09-01", "2026-11-08")
    whole(made)
    assert (made.ranges[0].way, made.ranges[0].calls) == ("zip", None)
    assert made.ranges[0].end_ns == to_ns("2026-10-01", "The quarter")
    assert made.ranges[0].command
    assert {one.way for one in made.ranges[1:]} <= {"trades", "rest"}


def test_imported_archives_are_found_once_there_is_such_a_table(exchange: LocalExchange, warehouse: Path) -> None:
    quick_load("MINA/GBP", end="2026-11-07")
    with duckdb.connect(str(warehouse)) as connection:
        load = "(select any_value(_dlt_load_id) from kraken_raw.pages) as _dlt_load_id"
        connection.execute(
            "create table kraken_raw.archive_files as select 'BTC/USD' as symbol, 'XBTUSD' as altname, "
            "'trades' as format, null::varchar as timeframe, 7 as edition_id, 10 as row_count, 0 as refused_count, "
            "true as is_ascending, 'hash' as content_hash, null::bigint as wanted_from_ns, "
            "null::bigint as wanted_to_ns, now() as imported_at, "
            f"{START_NS} as covered_from_ns, 0 as covered_to_ns, {load}"
        )
        connection.execute(
            "create table kraken_raw.archive_parts as select 'BTC/USD' as symbol, 7 as edition_id, 'trades' as format, "
            f"1 as last_row, {START_NS} as covered_from_ns, {START_NS + 30 * HOUR_NS} as covered_to_ns, {load}"
        )
    made = plan("BTC/USD", "1m", "2026-11-06", "2026-11-08")
    assert states(made)[0] == ("archive", None, 0, 30)  # the hours that it has of the day in which it ends, too
    whole(made)


def test_offline_the_ledger_alone_speaks(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(feed, Clock(NOW))
    quick_load("BTC/USD", start="2026-11-06", end="2026-11-07")
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    now = NOW_NS
    monkeypatch.setattr("dlt_pipeline.estimates.plan.time.time_ns", lambda: now)
    made = plan("BTC/USD", "1h", "2026-11-05", "2026-11-08", offline=True)
    whole(made)
    assert [one.state for one in made.ranges] == ["missing", "trades", "missing"]
    assert {one.price for one in made.ranges} == {None}
    with pytest.raises(NoConnectionError, match="no connection to"):
        plan("BTC/USD", "1h", "2026-11-05")
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "https://api.kraken.com")
    assert plan("BTC/USD", "1h", "2026-11-05", "2026-11-08", offline=True) == made, "nobody is asked for trades"


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("BTC/USX", "1m", "2026-11-06"), UnknownSymbolError, "Unknown symbol BTC/USX"),
        (("BTC/USD", "7m", "2026-11-06"), BadInputError, "7m must divide a day"),
        (("BTC/USD", "1m", "soon"), BadInputError, "is not a date"),
        (("BTC/USD", "1m", "2026-11-07", "2026-11-06"), BadInputError, "does not lie after the start"),
        (("BTC/USD", "1m", "2026-11-07", "2027-11-06"), BadInputError, "lies in the future"),
    ],
)
def test_bad_input_is_a_sentence(
    exchange: LocalExchange, arguments: tuple[str, ...], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        plan(*arguments)
