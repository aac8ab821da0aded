"""Rounds against the local exchange: what is published equals the exchange's own trades, whatever happens between."""

import os
import threading
from pathlib import Path

import duckdb
import psutil
import pytest

from dlt_pipeline import follow
from dlt_pipeline.common.exceptions import BadInputError, NoConnectionError, UnknownSymbolError, WarehouseLockedError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.following import Round
from dlt_pipeline.following.follower import only_follow
from dlt_pipeline.publishing.unchanged import last_checks
from dlt_pipeline.warehouse import pipeline
from tests.following.conftest import NOW, SYMBOLS, Story
from tests.following.truth import MINUTE_NS, as_floats, minutes_in, true_minutes
from tests.truth import expected_trades, loaded_trades, query

DAY_START_NS = int(NOW.replace(hour=0, minute=0, second=0).timestamp()) * 10**9
MARGIN_NS = 5 * 10**9


def run(story: Story, *symbols: str, **options: object) -> Round | None:
    start = options.pop("start", "2026-11-08")
    return follow(symbols or SYMBOLS, start, waiter=story, on_round=story.rounds.append, **options)  # type: ignore[arg-type]


def assert_true(database: Path, feed: SyntheticFeed, exchange: LocalExchange, is_published: bool = True) -> None:
    now_ns = exchange.clock.now_ns()
    whole_ns = (now_ns - MARGIN_NS) // MINUTE_NS * MINUTE_NS
    for symbol in SYMBOLS:
        truth = true_minutes(feed, symbol, DAY_START_NS, whole_ns)
        found = minutes_in(database, symbol)
        # A trade may prove more than the margin does, never less.
        assert found.keys() >= truth.keys()
        expected = as_floats(truth) if is_published else truth
        assert {start: found[start] for start in truth} == expected


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_is_published_is_true_after_quick_rounds_a_day_without_network_and_a_jump_of_the_clock(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(exchange.base_url.rsplit(":", 1)[1])
    published = warehouse.parent / "published.duckdb"
    seen: list[int] = []

    def minute() -> None:
        seen.append(max(minutes_in(published, "BTC/USD")))
        exchange.clock.advance(60)

    def cut() -> None:
        minute()
        exchange.stop()

    def still_cut() -> None:
        exchange.clock.advance(23 * 3600)

    def back() -> None:
        exchange._address = ("127.0.0.1", port)
        exchange.start()

    story = Story([minute, minute, cut, still_cut, back, minute])
    run(story, timeframes=("1h",))
    assert [each.is_check for each in story.rounds] == [True] + [False] * 6
    assert set(story.rounds[3].failures) == set(SYMBOLS), "the connection broke"
    assert isinstance(story.rounds[4].trouble, NoConnectionError), "nobody answers"
    assert [each.published is None for each in story.rounds] == [False, False, False, True, True, False, False]
    assert seen[1] - seen[0] == MINUTE_NS, "each round publishes the minute that closed"
    assert seen[2] - seen[1] == MINUTE_NS
    assert_true(published, feed, exchange)
    for symbol in SYMBOLS:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, exchange.clock.now_ns(), DAY_START_NS)
    opened = (
        "select symbol, timeframe, is_closed, trade_count from kraken.candles where not is_closed and timeframe = '1d'"
    )
    assert {symbol for symbol, *_ in query(warehouse, opened)} == set(SYMBOLS), (
        "the newest bucket is there, marked open"
    )
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute("select count(*) from candles where not is_closed").fetchall() == [(0,)]
    # A whole build and publish of the same finds nothing to mend.
    everything = "select * exclude (source), source from {} order by all"
    quick = {view: query(published, everything.format(view)) for view in ("candles", "rest_candles", "ohlcv")}
    assert follow(SYMBOLS, once=True, timeframes=()).is_fine  # type: ignore[union-attr]
    whole = {view: query(published, everything.format(view)) for view in ("candles", "rest_candles", "ohlcv")}
    assert whole == quick


@pytest.mark.usefixtures("unchecked")
@pytest.mark.timeout(300)
def test_once_twice_goes_on_and_does_not_fetch_krakens_candles_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    first = run(Story([]), once=True)
    assert first is not None
    assert first.is_fine
    assert first.is_check
    fetched = [call for call in exchange.calls if call.path.endswith("OHLC")]
    assert len(fetched) == 9 * len(SYMBOLS)
    exchange.clock.advance(300)
    before = len(exchange.calls)
    second = follow(SYMBOLS, once=True)
    assert second is not None
    assert second.is_fine
    again = {call.query["interval"] for call in exchange.calls[before:] if call.path.endswith("OHLC")}
    assert again <= {"10080", "21600"}, "of a market listed yesterday Kraken has no such candle yet"
    assert_true(warehouse.parent / "published.duckdb", feed, exchange)
    assert_true(warehouse, feed, exchange, is_published=False)


@pytest.mark.timeout(300)
def test_red_is_said_and_nothing_is_published_and_a_stream_may_end_a_wait_and_say_what_to_load(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def louder(result: dict[str, object]) -> dict[str, object]:
        rows = {name: rows for name, rows in result.items() if name != "last"}
        changed = {name: [[*row[:2], "999999.9", *row[3:]] for row in found] for name, found in rows.items()}  # type: ignore[attr-defined]
        return {**changed, "last": result["last"]}

    exchange.faults.add(Fault("change", "OHLC", pair="BTC/USD", times=None, change=louder))
    monkeypatch.setenv("SOURCES__KRAKEN__FOLLOW__CHECK_SECONDS", "0")
    monkeypatch.setenv("SOURCES__KRAKEN__FOLLOW__RED_CHECK_SECONDS", "100000")
    story = Story([lambda: exchange.clock.advance(60)], heard=frozenset({"BTC/USD"}))
    run(story, timeframes=("1m",), every_seconds=3600)  # the next moment is far
    assert [each.symbols for each in story.rounds] == [SYMBOLS, ("BTC/USD",)]
    assert set(story.rounds[1].reached) == {"BTC/USD"}
    assert [each.is_check for each in story.rounds] == [True, False]
    for each in story.rounds:
        assert "candles_equal_krakens" in each.red
        assert each.published is None
    assert not (warehouse.parent / "published.duckdb").exists()
    assert "candles_equal_krakens" in (last_checks(warehouse) or ("", [""]))[1][0], "`status` tells it"
    assert story.rounds[1].reached["BTC/USD"] > story.rounds[0].reached["BTC/USD"], "it loads all the same"


@pytest.mark.usefixtures("unchecked")
@pytest.mark.timeout(300)
def test_one_symbol_in_trouble_leaves_the_others_and_catches_up_and_one_that_is_delisted_is_said_once_and_ends_nothing(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    published = warehouse.parent / "published.duckdb"
    before: dict[int, object] = {}

    def minute() -> None:
        exchange.clock.advance(60)

    def fail() -> None:
        minute()
        exchange.faults.add(Fault("wrong_pair", "Trades", pair="MINA/GBP", times=None))

    def heal() -> None:
        minute()
        exchange.faults.clear()

    def delist() -> None:
        assert_true(published, feed, exchange)
        before.update(minutes_in(published, "MINA/GBP"))
        minute()
        exchange.delist("MINA/GBP")

    in_trouble = [fail, heal, minute, lambda: None]
    story = Story([*in_trouble, delist, minute, minute])
    run(story, timeframes=())
    rounds, later = story.rounds[: len(in_trouble) + 1], story.rounds[len(in_trouble) :]
    failed = [set(each.failures) for each in rounds]
    assert failed[:2] == [set(), {"MINA/GBP"}]
    assert failed[-1] == set()
    assert rounds[1].published is not None
    alone = [each.symbols for each in rounds if set(each.symbols) != set(SYMBOLS)]
    assert ("MINA/GBP",) in alone, "the one in trouble is tried in a round of its own"

    assert [each.delisted for each in later] == [(), ("MINA/GBP",), (), ()]
    assert [each.symbols for each in later][2:] == [("BTC/USD",)] * 2
    assert all(each.is_fine for each in later)
    assert later[-1].reached["BTC/USD"] > later[-2].reached["BTC/USD"], "the other goes on"
    assert before.items() <= minutes_in(published, "MINA/GBP").items(), "what was proven stays"
    statuses = "select symbol, status from kraken.market_status where symbol in ('', 'MINA/GBP') order by seen_from, 1"
    known = [("", "online"), ("MINA/GBP", "online"), ("MINA/GBP", "delisted")]
    assert query(warehouse, statuses) == known
    assert query(published, statuses)[:2] == known[:2]


@pytest.mark.long
@pytest.mark.usefixtures("unchecked")
@pytest.mark.timeout(300)
def test_a_share_is_followed_by_the_spelling_of_ccxt_once_its_list_is_there(
    exchange: LocalExchange, warehouse: Path
) -> None:
    def heal() -> None:
        exchange.clock.advance(3600)
        exchange.faults.clear()

    exchange.faults.add(Fault("error", "AssetPairs", skip=1, times=None, error="EGeneral:Permission denied"))
    story = Story([heal])
    run(story, "AAPLX/USD", "MINA/GBP", timeframes=())
    assert story.rounds[0].failures.keys() == {"AAPLX/USD"}
    assert "MINA/GBP" in story.rounds[0].reached
    story = Story([lambda: exchange.clock.advance(60)])
    run(story, "AAPLX/USD", "MINA/GBP", timeframes=())
    assert [set(each.symbols) for each in story.rounds] == [{"AAPLx/USD", "MINA/GBP"}] * 2
    assert not [each.failures or each.trouble for each in story.rounds if each.failures or each.trouble]
    again = follow(["AAPLX/USD"], once=True, timeframes=())
    assert again is not None
    assert again.reached.keys() == {"AAPLx/USD"}


@pytest.mark.long
@pytest.mark.usefixtures("unchecked")
@pytest.mark.timeout(300)
def test_a_delisted_pair_is_no_failure_of_a_new_start_and_goes_on_once_it_is_listed_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def minute() -> None:
        exchange.clock.advance(60)

    run(Story([]), timeframes=())
    minute()
    exchange.delist("MINA/GBP")
    again = run(Story([]), once=True, timeframes=())
    assert again is not None
    assert (again.is_fine, again.delisted, set(again.reached)) == (True, ("MINA/GBP",), {"BTC/USD"})
    monkeypatch.setenv("SOURCES__KRAKEN__FOLLOW__CHECK_SECONDS", "0")
    exchange.set_status("post_only", "BTC/USD")
    story = Story([minute, lambda: exchange.relist("MINA/GBP"), minute])
    run(story, "MINA/GBP", timeframes=())
    assert [(each.is_check, each.delisted, bool(each.reached)) for each in story.rounds[:3]] == [
        (True, ("MINA/GBP",), False),
        (True, (), False),  # it comes with the check alone
        (True, (), True),
    ]
    known = ["online", "delisted", "online"]
    of_mina = "select status from kraken.market_status where symbol = 'MINA/GBP' order by seen_from"
    assert [status for (status,) in query(warehouse, of_mina)] == known
    of_btc = "select status from kraken_raw.market_statuses where symbol = 'BTC/USD' order by seen_at"
    assert query(warehouse, of_btc) == [("online",), ("post_only",)], "also where no symbol is left to load"
    assert loaded_trades(warehouse, "MINA/GBP") == expected_trades(
        feed, "MINA/GBP", exchange.clock.now_ns(), DAY_START_NS
    )


def test_without_a_start_a_symbol_that_was_never_loaded_is_refused(exchange: LocalExchange) -> None:
    with pytest.raises(BadInputError, match=r"holds nothing of BTC/USD to go on from; say the first day wanted with"):
        follow(["BTC/USD"])


@pytest.mark.parametrize(
    ("symbols", "options", "error", "says"),
    [
        (["NO/SUCH"], {"start": "2026-11-08"}, UnknownSymbolError, "NO/SUCH"),
        ([], {"start": "2026-11-08"}, BadInputError, "No symbol"),
        (["BTC/USD"], {"start": "soon"}, BadInputError, "not a date"),
        (["BTC/USD"], {"start": "2026-11-09"}, BadInputError, "lies in the future"),
        (["BTC/USD"], {"start": "2026-11-08", "timeframes": ["2h"]}, BadInputError, "has no candles of '2h'"),
        (["BTC/USD"], {"start": "2026-11-08", "every_seconds": 0}, BadInputError, "between 1 and 86400"),
    ],
)
def test_what_cannot_be_ends_it_at_once(
    exchange: LocalExchange, symbols: list[str], options: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        follow(symbols, **options)  # type: ignore[arg-type]


def test_once_without_network_says_so(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    exchange.stop()
    with pytest.raises(NoConnectionError):
        follow(["BTC/USD"], "2026-11-08", once=True)


def test_a_second_follow_of_a_warehouse_is_refused(exchange: LocalExchange, warehouse: Path) -> None:
    with (
        only_follow(warehouse),
        pytest.raises(WarehouseLockedError, match=r"Another follow is running \(process \d+\); it keeps"),
    ):
        follow(["BTC/USD"], "2026-11-08")


def test_a_set_stop_ends_it_before_anything(exchange: LocalExchange) -> None:
    stop = threading.Event()
    stop.set()
    assert follow(["BTC/USD"], "2026-11-08", stop=stop) is None
    assert exchange.calls == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_grows_round_after_round_with_faults(
    exchange: LocalExchange, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of rounds a minute: memory, descriptors, threads, folders and the file stay as they were."""
    monkeypatch.setattr(pipeline, "_KEPT_PACKAGES", 2)  # else they grow for 20 rounds
    monkeypatch.setenv("KRAKEN_CANDLES_KEEP_REPLACED_SECONDS", "0")
    rounds = int(os.environ.get("KRAKEN_CANDLES_SOAK_ROUNDS", "60"))
    seen: list[tuple[int, int, int, int, int]] = []
    faults = ("drop", "html", "http_status", "error", "missing_last")

    def step() -> None:
        process = psutil.Process()
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        size = warehouse.stat().st_size
        seen.append((process.memory_info().rss, process.num_fds(), threading.active_count(), len(kept), size))
        exchange.faults.add(Fault(faults[len(seen) % len(faults)], path="Trades", times=1))  # type: ignore[arg-type]
        exchange.clock.advance(60)

    run(Story([step] * rounds), timeframes=())
    third = len(seen) // 3
    for name, most, before, after in zip(
        ("memory", "descriptors", "threads", "files", "warehouse"),
        (1.15, 1, 1, 1.05, 1.5),
        map(max, zip(*seen[third : 2 * third], strict=True)),
        map(max, zip(*seen[2 * third :], strict=True)),
        strict=True,
    ):
        assert after <= before * most, (name, before, after)
