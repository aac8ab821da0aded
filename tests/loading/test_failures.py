"""What goes wrong in a load stays small: holes, failing symbols, stops, bad input."""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline import price_of
from dlt_pipeline.common.exceptions import (
    BadInputError,
    NoConnectionError,
    UnknownSymbolError,
    WarehouseLockedError,
    WrongWarehouseError,
)
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.exchange import Fault, LocalExchange, RawNumber, SyntheticFeed
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.load import load, load_request
from dlt_pipeline.kraken.raw_tables import SCHEMAS
from dlt_pipeline.kraken.request import make_request, make_window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from tests.loading.quick import DAY_NS, NOW, NOW_NS, START, START_NS, SYMBOLS, Silent, quick_load
from tests.truth import expected_trades, loaded_trades, query


def test_a_failing_symbol_leaves_the_others_alone(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BONK/USD", times=None))
    report = quick_load()
    assert list(report.failures) == ["BONK/USD"]
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)
    exchange.faults.clear()
    quick_load()
    assert loaded_trades(warehouse, "BONK/USD") == expected_trades(feed, "BONK/USD", NOW_NS)


def test_a_wrong_timeframe_leaves_trades_and_the_other_timeframes_alone(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    def twice(result: dict[str, Any]) -> dict[str, Any]:
        rows = result["XXBTZUSD"]
        return {**result, "XXBTZUSD": [rows[0], [*rows[0][:7], rows[0][7] + 1], *rows[1:]]}

    exchange.faults.add(Fault("change", "OHLC", pair="BTC/USD", change=twice, times=3))
    report = quick_load("BTC/USD", timeframes=("1h", "4h", "1d"))
    assert "OHLC 1h: the candle at" in str(report.failures["BTC/USD"])
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    timeframes = "select distinct timeframe from kraken_raw.rest_candles order by all"
    assert query(warehouse, timeframes) == [("1d",), ("4h",)]
    assert not quick_load("BTC/USD", timeframes=("1h", "4h", "1d")).failures


def test_a_trade_of_the_future_is_not_believed(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    def later(result: dict[str, Any]) -> dict[str, Any]:
        *rows, (price, volume, _, *rest) = result["XXBTZUSD"]
        return {"XXBTZUSD": [*rows, [price, volume, RawNumber(f"{NOW_NS // 10**9 + 3 * 86_400}.5"), *rest]]}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=later))
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_an_eighth_item_stops_nothing_and_is_said_once(
    exchange: LocalExchange,
    feed: SyntheticFeed,
    warehouse: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also in a warehouse made before there was a column for it."""
    trades = SCHEMAS["trades"]
    with monkeypatch.context() as earlier:
        earlier.setitem(SCHEMAS, "trades", trades.remove(trades.get_field_index("more_items")))
        quick_load("MINA/GBP", end="2026-11-07")
    columns = "select column_name from duckdb_columns() where schema_name = 'kraken_raw' and table_name = 'trades'"
    assert ("more_items",) not in query(warehouse, columns)

    def longer(result: dict[str, Any]) -> dict[str, Any]:
        return {name: [[*row, 7] for row in rows] if name != "last" else rows for name, rows in result.items()}

    exchange.faults.add(Fault("change", "Trades", pair="MINA/GBP", change=longer, times=None))
    with caplog.at_level("WARNING", "dlt_pipeline"):
        quick_load("MINA/GBP")
    assert loaded_trades(warehouse, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    kept = query(warehouse, "select more_items, count(*) > 0 from kraken_raw.trades group by all order by all")
    assert kept == [('["7"]', True), (None, True)]
    assert caplog.text.count("more items of a trade than are known") == 1


def test_what_came_before_a_failure_is_kept(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BTC/USD", times=None, skip=2))
    report = quick_load("BTC/USD")
    assert report.trades["BTC/USD"] == 2000 - 1, "two pages, the seam's trade once"
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)[:1999]


def test_a_hole_that_fills_when_asked_again_leaves_no_trace(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=2))
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    assert query(warehouse, "select count(*) from kraken_raw.id_holes") == [(0,)]


def test_a_hole_that_stays_is_recorded_and_the_trades_are_kept(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=None))
    report = quick_load("BTC/USD")
    assert report.missing_ids["BTC/USD"] == 2
    truth = [row for row in expected_trades(feed, "BTC/USD", NOW_NS) if row[0] not in (2100, 2101)]
    assert loaded_trades(warehouse, "BTC/USD") == truth
    before, after = (next(row[1] for row in truth if row[0] == trade_id) for trade_id in (2099, 2102))
    holes = "select first_missing_id, last_missing_id, from_time_ns, to_time_ns, times_asked from kraken_raw.id_holes"
    assert query(warehouse, holes) == [(2100, 2101, before, after, 3)]
    assert query(warehouse, "select sum(missing_id_count)::bigint from kraken_raw.pages") == [(2,)]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into kraken_raw.id_holes select * replace (2101 as first_missing_id, 5_000_000_000 as "
            "last_missing_id) from kraken_raw.id_holes; "
            "insert into kraken_raw.trades select * replace (2100 as trade_id, 'killed' as _dlt_load_id) "
            "from kraken_raw.trades where trade_id = 2099"
        )
    (beyond,) = query(warehouse, "select count(*) from kraken_raw.trades where trade_id > 2101")[0]
    with LedgerStore.of_file(warehouse) as store:
        (proof,) = store.proofs(make_request(["BTC/USD"], START, None, (), exact=False)).values()
    assert proof.missing_ids == 5_000_000_000 - 2100 - beyond


def test_one_answer_cut_short_is_not_believed(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    """A short page in the middle of history must not end a bounded load, which nothing would ever ask for again."""

    def cut(result: dict[str, Any]) -> dict[str, Any]:
        return {"XXBTZUSD": result["XXBTZUSD"][:300]}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=cut, times=1))
    quick_load("BTC/USD", end="2026-11-07")
    end_ns = START_NS + 86_400 * 10**9
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS, START_NS, end_ns)


def test_a_trade_before_its_predecessor_is_kept_as_it_is(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    """Order is by id; a time that steps back within the bound ends nothing, further than that the page is wrong."""

    def stepping_back(by: Decimal) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def change(result: dict[str, Any]) -> dict[str, Any]:
            rows = result["XXBTZUSD"]
            for before, row in pairwise(rows):
                if row[6] == 2100:
                    row[2] = type(row[2])(Decimal(str(before[2])) - by)
            return result

        return change

    too_far, near = (stepping_back(Decimal(by)) for by in ("0.0003", "0.000001"))
    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=too_far, times=None))
    assert "pages must ascend" in str(quick_load("BTC/USD").failures["BTC/USD"])
    exchange.faults.clear()
    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=near, times=None))
    quick_load("BTC/USD")
    times = {row[0]: row[1] for row in loaded_trades(warehouse, "BTC/USD")}
    assert sorted(times) == [row[0] for row in expected_trades(feed, "BTC/USD", NOW_NS)]
    assert times[2100] == times[2099] - 1_000
    assert query(warehouse, "select sum(stepped_back_count)::bigint from kraken_raw.pages") == [(1,)]


ODD: dict[str, Callable[[list[list[Any]]], list[list[Any]]]] = {
    "empty": lambda _: [],
    "the known trade alone": lambda rows: rows[:1],
    "without its first rows": lambda rows: rows[7:],
    "without ids": lambda rows: [row[:6] for row in rows],
    "with an absurd id": lambda rows: [*rows[:-1], [*rows[-1][:6], 10**15]],
}


# One of each end of the range; of every kind at every call tests/kraken/test_cursor_properties.py says it.
SHORT_ODD = {("without its first rows", 0), ("empty", 2)}


@pytest.mark.parametrize(
    ("odd", "skip"),
    [
        pytest.param(odd, skip, marks=() if (odd, skip) in SHORT_ODD else pytest.mark.long)
        for odd in ODD
        for skip in (0, 2)
    ],
)
def test_one_odd_answer_changes_nothing(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, odd: str, skip: int
) -> None:
    """Silence, a range's first trade and every id take two answers that agree, or an id on either side."""

    def spoil(result: dict[str, Any]) -> dict[str, Any]:
        rows = ODD[odd](result["XXBTZUSD"])
        same_end = rows[-1:] and rows[-1][2] == result["XXBTZUSD"][-1][2]
        return {"XXBTZUSD": rows, **({"last": result["last"]} if same_end else {})}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=spoil, skip=skip))
    start = "2026-11-07" if odd == "without its first rows" else START
    quick_load("BTC/USD", start=start)
    start_ns = START_NS + (DAY_NS if start != START else 0)
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS, start_ns)


def test_a_date_a_day_ahead_covers_no_time_to_come(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("wrong_date", "Trades", pair="BTC/USD", skip=3))
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    assert query(warehouse, f"select max(covered_to_ns) <= {NOW_NS} from kraken_raw.pages") == [(True,)]
    assert exchange.faults.pending == []


@pytest.mark.parametrize(("start", "end"), [(START, None), ("2026-11-07", "2026-11-08")])
def test_a_pair_without_any_trade_is_not_silent_where_its_ohlc_shows_trades(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, start: str, end: str | None
) -> None:
    """As when a dark pool's id is asked for: Trades answers nothing at all, and so denies nothing."""

    def nothing(result: dict[str, Any]) -> dict[str, Any]:
        return {"XXBTZUSD": [], "last": result["last"]}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=nothing, times=None))
    report = quick_load("BTC/USD", start=start, end=end)
    assert "its OHLC shows" in str(report.failures["BTC/USD"])
    assert not query(warehouse, "select * from kraken_raw.pages")
    exchange.faults.clear()
    calls = len(exchange.calls)
    assert not quick_load("BTC/USD", start=start, end=end).failures
    assert not [call for call in exchange.calls[calls:] if call.path == "OHLC"], "a pair that trades costs no call more"
    whole = expected_trades(feed, "BTC/USD", NOW_NS)
    start_ns, end_ns = to_ns(start, ""), to_ns(end, "") if end else NOW_NS
    assert loaded_trades(warehouse, "BTC/USD") == [row for row in whole if start_ns <= row[1] < end_ns]


def test_silence_that_the_newest_page_always_denies_is_an_error_and_covers_nothing(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    def none_after_the_first(result: dict[str, Any]) -> dict[str, Any]:
        rows = result["XXBTZUSD"]
        return result if not rows or int(rows[-1][6]) <= 1000 or len(rows) < 1000 else {**result, "XXBTZUSD": []}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=none_after_the_first, times=None))
    report = quick_load("BTC/USD")
    assert "its newest page" in str(report.failures["BTC/USD"])
    covered = query(warehouse, "select max(covered_to_ns), max(last_time_ns) from kraken_raw.pages")
    assert covered[0][0] <= covered[0][1], "no time behind the last trade"
    exchange.faults.clear()
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_standing_hole_is_asked_for_again_with_explicit_bounds_alone(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=None))
    quick_load("BTC/USD")
    exchange.faults.clear()
    assert sum(quick_load("BTC/USD").trades.values()) == 0, "going on live does not look back"
    report = quick_load("BTC/USD", end="2026-11-08")
    assert report.trades["BTC/USD"] < 1100, "the one page that lacked ids, no more"
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_hole_that_stays_is_asked_for_once_a_load_however_small_the_chunks(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "1")
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 3100}, times=None))
    for _ in range(2):
        calls = len(exchange.calls)
        quick_load("BTC/USD", end="2026-11-08")
        assert len(exchange.calls) - calls < 20, "each hole's page three times, and the rest"
    truth = expected_trades(feed, "BTC/USD", NOW_NS, START_NS, START_NS + 2 * 86_400 * 10**9)
    assert loaded_trades(warehouse, "BTC/USD") == [row for row in truth if row[0] not in (2100, 3100)]


def test_stopping_commits_what_is_loaded_and_resumes(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    stop = threading.Event()

    class StopAfterOnePage(Silent):
        def page(self, _: Any) -> None:
            stop.set()

    report = quick_load("BTC/USD", stop=stop, listener=StopAfterOnePage())
    assert report.unfinished == ["BTC/USD"]
    kept, truth = loaded_trades(warehouse, "BTC/USD"), expected_trades(feed, "BTC/USD", NOW_NS)
    assert kept == truth[: len(kept)]
    assert 1000 <= len(kept) < len(truth), "the first page, and what was already asked for behind it"
    assert not quick_load("BTC/USD").unfinished
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"start": "yesterday"}, BadInputError, "is not a date"),
        ({"start": "2027-01-01"}, BadInputError, "lies in the future: the exchange's clock says 2026-11-08 12:34:56"),
        ({"end": "2027-01-01"}, BadInputError, "The end .* lies in the future"),
        ({"start": "2026-11-07", "end": "2026-11-06"}, BadInputError, "does not lie after the start"),
        ({"symbols": ()}, BadInputError, "No symbol was given, or an empty one"),
        ({"timeframes": ("7m",)}, BadInputError, "Kraken has no candles of '7m'"),
        (
            {"symbols": ("BTC/USD", "BTC/USX")},
            UnknownSymbolError,
            "Unknown symbol BTC/USX; the nearest known ones: BTC/USD",
        ),
    ],
)
def test_bad_input_changes_nothing(
    exchange: LocalExchange, warehouse: Path, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        load(**{"symbols": SYMBOLS, "start": START, **options})
    assert not warehouse.exists()


@pytest.mark.parametrize(
    ("now", "end", "is_now"),
    [
        ("2026-11-08T12:34:56", "2026-11-08T12:34:57", True),
        ("2026-11-08T12:34:56", "2026-11-09", True),
        ("2026-11-08T12:34:56", "2026-11-09T00:00:01", False),
        ("2026-11-08T23:59:59", "2026-11-09T00:00:30", True),
    ],
)
def test_an_end_later_today_means_now(caplog: pytest.LogCaptureFixture, now: str, end: str, is_now: bool) -> None:
    session = Session(load_settings())
    session.now_ns = to_ns(now, "now")
    window = make_window("2026-11-08", end, exact=True)
    with caplog.at_level("INFO", "dlt_pipeline"):
        if is_now:
            session.check_past(window)
            session.check_past(window)
            assert caplog.text.count("it means now") == 1
        else:
            with pytest.raises(BadInputError, match="The end 2026-11-09 00:00:01 lies in the future"):
                session.check_past(window)


def test_a_load_to_an_end_later_today_goes_up_to_now(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    quick_load("BTC/USD", end="2026-11-08T12:34:59", exact=True)
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PAGE_SIZE", "1", "page_size is 1; it must lie between 2 and 1000"),
        ("PAGE_SIZE", "1001", "page_size is 1001"),
        ("SECONDS_PER_CALL", "-1", "seconds_per_call is -1"),
        ("SLOWEST_SECONDS_PER_CALL", "-1", "slowest_seconds_per_call is -1"),
        ("SLOWDOWN_FACTOR", "0.5", "slowdown_factor is 0.5; it must lie between 1 and 100"),
        ("RECOVERY_CALLS", "0", "recovery_calls is 0"),
        ("SECONDS_PER_CALL", "soon", "setting in sources.kraken cannot be used"),
        ("HEAD_MARGIN_SECONDS", "-100", "head_margin_seconds is -100"),
        ("HOLE_RETRIES", "-1", "hole_retries is -1"),
        ("BASE_URL", "nonsense", "base_url is 'nonsense'; it must begin with https:// or http://"),
    ],
)
def test_an_impossible_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"SOURCES__KRAKEN__{name}", value)
    with pytest.raises(BadInputError, match=says):
        load_settings()


def test_no_network_changes_nothing(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    with pytest.raises(NoConnectionError, match="no connection to"):
        quick_load()
    assert not warehouse.exists()


def test_a_warehouse_of_the_future_was_filled_by_another_exchange(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    quick_load("MINA/GBP")
    exchange.clock.set(NOW - timedelta(hours=20))
    with closing(Session(load_settings())) as session:
        # The price of another symbol clears that one alone.
        price_of(make_request(["BONK/USD"], START, None, (), False), warehouse, session)
        for _ in range(2):
            with pytest.raises(WrongWarehouseError, match=r"MINA/GBP.+another exchange filled it"):
                load_request(make_request(SYMBOLS, START, None, (), False), session=session)


def test_a_second_load_beside_a_running_one_is_refused(exchange: LocalExchange) -> None:
    class Nested(Silent):
        error: Exception | None = None

        def begin(self, *_: Any) -> None:
            try:
                quick_load("MINA/GBP")
            except WarehouseLockedError as error:
                self.error = error

    nested = Nested()
    quick_load("MINA/GBP", listener=nested)
    assert "Another load is running" in str(nested.error)
