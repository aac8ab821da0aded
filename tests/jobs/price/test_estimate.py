"""An estimate equals what a load then brings, to the trade."""

import gc
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import psutil
import pytest

from dlt_pipeline import estimate
from dlt_pipeline.common.exceptions import BadInputError, NoConnectionError, UnknownSymbolError
from dlt_pipeline.common.time import NS_PER_DAY
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, ReplayFeed, SyntheticFeed
from tests.loading.quick import NOW, NOW_NS, START_NS, SYMBOLS, quick_load
from tests.truth import expected_trades, loaded_trades

ALL_SYMBOLS = (*SYMBOLS, "ETH/USD")


def truth(feed: SyntheticFeed, symbol: str, start_ns: int, end_ns: int | None) -> int:
    return len(expected_trades(feed, symbol, NOW_NS, start_ns, 2**62 if end_ns is None else end_ns))


def moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 10**9, tz=timezone.utc) + timedelta(microseconds=time_ns % 10**9 // 1_000)


@pytest.mark.parametrize(
    ("end", "since_inclusive"),
    [
        *((None, True), ("2026-11-07", True), ("2026-11-08", False)),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((None, False), ("2026-11-07", False))),
        pytest.param("2026-11-08", True, marks=pytest.mark.long),
    ],
)
def test_the_estimate_is_what_a_load_brings(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, warehouse: Path, since_inclusive: bool, end: str | None
) -> None:
    exchange = serve(feed, Clock(NOW), since_inclusive=since_inclusive)
    gc.disable()  # it would close what nobody did
    told = {one.symbol: one for one in estimate(ALL_SYMBOLS, "2026-11-06", end)}
    open_ones = [each for each in psutil.Process().net_connections() if each.raddr and each.status == "ESTABLISHED"]
    gc.enable()
    port = int(exchange.base_url.rpartition(":")[2])
    assert not [each for each in open_ones if each.raddr.port == port]
    report = quick_load(*ALL_SYMBOLS, start="2026-11-06", end=end)
    for symbol in ALL_SYMBOLS:
        assert told[symbol].trades == report.trades[symbol] == len(loaded_trades(warehouse, symbol)) > 0
        assert not told[symbol].is_approximate
        ids = [row[0] for row in loaded_trades(warehouse, symbol)]
        assert (told[symbol].first_trade_id, told[symbol].last_trade_id) == (ids[0], ids[-1])
    assert list(told) == list(ALL_SYMBOLS)
    assert {one.asked_calls for one in told.values()} == {2}


@pytest.mark.parametrize("since_inclusive", [True, False])
def test_any_bounds_are_counted_exactly_by_the_displayed_time(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, since_inclusive: bool
) -> None:
    """Bounds at random, and on the microseconds at which trades are shown: the true time lies up to 119 ns beside."""
    serve(feed, Clock(NOW), since_inclusive=since_inclusive)
    rng = Random(11)
    shown = [row[1] // 1_000 * 1_000 for row in expected_trades(feed, "BTC/USD", NOW_NS)]
    minutes = range(START_NS, NOW_NS, 60 * 10**9)
    for _ in range(25):
        start, end = sorted(rng.choice([rng.choice(shown), rng.choice(minutes)]) for _ in range(2))
        if start == end:
            continue
        for symbol in ("BTC/USD", "MINA/GBP"):
            (one,) = estimate([symbol], moment(start), moment(end), exact=True)
            assert one.trades == truth(feed, symbol, start, end), (symbol, start, end)
            (wide,) = estimate([symbol], moment(start), moment(end))
            last = -(-end // NS_PER_DAY) * NS_PER_DAY
            assert wide.trades == truth(feed, symbol, start - start % NS_PER_DAY, last)


def test_more_than_a_page_in_the_moment_before_a_bound_takes_more_calls(
    exchange: LocalExchange, feed: SyntheticFeed
) -> None:
    """1,500 trades share the millisecond at 12:00:00.250 of the first day."""
    end = START_NS + NS_PER_DAY // 2 + 251 * 10**6
    (one,) = estimate(["BTC/USD"], "2026-11-06", moment(end), exact=True)
    assert one.trades == truth(feed, "BTC/USD", START_NS, end)
    assert one.asked_calls == 4, "the first trade, then 50, 1000 and the rest of those before the end"


def test_a_page_that_leads_no_further_is_said(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlt_pipeline.common.exceptions import StalledCursorError

    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "5")
    at = next(row[1] for row in _shared(exchange.feed, 6))
    with pytest.raises(StalledCursorError, match="more trades share one moment than a page can show"):
        estimate(["BTC/USD"], moment(at // 10**6 * 10**6 + 10**6), exact=True)


def _shared(feed: SyntheticFeed, least: int) -> list[tuple[int, ...]]:
    rows = expected_trades(feed, "BTC/USD", NOW_NS)
    return [row for row, later in zip(rows, rows[least:], strict=False) if row[1] == later[1]]


def test_before_the_listing_nothing_is_counted(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    (before,) = estimate(["MINA/GBP"], "2020-01-01", "2021-01-01")
    assert (before.trades, before.first_trade_id, before.last_trade_id) == (0, None, None)
    (over,) = estimate(["MINA/GBP"], "2020-01-01")
    assert (over.trades, over.first_trade_id) == (truth(feed, "MINA/GBP", 0, None), 3), "the pair's ids begin with 3"


def test_a_time_without_trades_costs_nothing_but_its_proof(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    times = [row[1] for row in expected_trades(feed, "MINA/GBP", NOW_NS)]
    start = max(times) // 10**9 * 10**9 + 10**9
    (one,) = estimate(["MINA/GBP"], moment(start), exact=True, timeframes=())
    assert (one.trades, one.calls) == (0, 2)


@pytest.mark.parametrize(
    ("end", "page_size"),
    [
        *((None, "1000"), ("2026-11-07", "40")),
        *(pytest.param(*case, marks=pytest.mark.long) for case in ((None, "40"), ("2026-11-07", "1000"))),
    ],
)
def test_the_calls_are_those_of_the_load_or_one_more(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch, page_size: str, end: str | None
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", page_size)
    for symbol in ("ETH/USD", "MINA/GBP"):
        (one,) = estimate([symbol], "2026-11-06", end, timeframes=("1m", "1h"))
        before = len(exchange.calls)
        quick_load(symbol, start="2026-11-06", end=end, timeframes=("1m", "1h"))
        asked = [call for call in exchange.calls[before:] if call.path.endswith(("Trades", "OHLC"))]
        # Trades that share a page's last moment come again on the next page, which small pages feel.
        again = 0 if page_size == "1000" else len(asked) // 8
        head = 1  # where no trade lies within a minute before the start, the one before it is looked for
        assert len(asked) - again - head <= one.calls <= len(asked) + 1, (symbol, page_size)


def test_time_is_that_of_the_slowest_symbol_at_the_set_pace(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt_pipeline.estimates.price import load_job_settings, total_of

    found = estimate(["BTC/USD", "MINA/GBP"], "2026-11-06")
    monkeypatch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.002")
    twice = estimate(["BTC/USD", "MINA/GBP"], "2026-11-06")
    for one, slower in zip(found, twice, strict=True):
        assert one.seconds == pytest.approx(one.calls * 0.001)
        assert slower.seconds == pytest.approx(2 * one.seconds)
    settings = load_job_settings()
    total = total_of(found, settings)
    assert total.seconds == max(one.seconds for one in found)
    assert total.calls == sum(one.calls for one in found)
    assert total.build_seconds == pytest.approx(
        sum(one.build_seconds for one in found) - settings.build_start_seconds
    ), "a build starts once"


def recorded(serve: Callable[..., LocalExchange], folder: Path) -> tuple[LocalExchange, list[int]]:
    feed = ReplayFeed(folder / "grteth")
    running = serve(feed)
    return running, [row[1] for row in expected_trades(feed, "GRT/ETH", running.clock.now_ns())]


def test_without_ids_and_with_few_trades_pages_reach_through_and_the_count_is_exact(
    serve: Callable[..., LocalExchange], recorded_folder: Path
) -> None:
    _, times = recorded(serve, recorded_folder)
    (one,) = estimate(["GRT/ETH"], moment(times[0] // 10**9 * 10**9), exact=True)
    assert (one.trades, one.is_approximate) == (len(times), False)
    assert one.first_trade_id is None
    (part,) = estimate(["GRT/ETH"], moment(times[50] // 1000 * 1000), moment(times[700] // 1000 * 1000), exact=True)
    in_part = [time for time in times if times[50] // 1000 * 1000 <= time < times[700] // 1000 * 1000]
    assert (part.trades, part.is_approximate) == (len(in_part), False)


def test_without_ids_the_number_is_sampled_and_marked(
    serve: Callable[..., LocalExchange], recorded_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "100")
    _, times = recorded(serve, recorded_folder)
    (one,) = estimate(["GRT/ETH"], moment(times[0] // 10**9 * 10**9), exact=True)
    assert one.is_approximate
    assert one.asked_calls == 2 + 1 + 8, "two ends, the first page and the samples"
    assert 0.5 * len(times) < one.trades < 2 * len(times)


@pytest.mark.parametrize("idless", [(0, 2_400), (2_400, 10**9), (1_500, 1_600)])
def test_ids_on_one_side_only_are_used_as_far_as_they_go(
    serve: Callable[..., LocalExchange],
    feed: SyntheticFeed,
    monkeypatch: pytest.MonkeyPatch,
    idless: tuple[int, int],
) -> None:
    """The exchange shows trade_id 0 for the first ids, for the last ones, or for some in the middle."""
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "100")
    running = serve(feed, Clock(NOW))

    def hide(result: dict[str, list[list[object]]]) -> dict[str, list[list[object]]]:
        for row in result["XXBTZUSD"]:
            row[6] = 0 if idless[0] <= int(str(row[6])) < idless[1] else row[6]
        return result

    running.faults.add(Fault("change", "Trades", pair="BTC/USD", times=None, change=hide))
    (one,) = estimate(["BTC/USD"], "2026-11-06")
    count = truth(feed, "BTC/USD", START_NS, None)
    is_inside = idless == (1_500, 1_600)
    assert one.is_approximate is not is_inside
    if is_inside:
        assert one.trades == count, "both ends have ids, and each trade has used one up"
    else:
        assert 0.5 * count < one.trades < 2 * count
    assert (one.first_trade_id is None) == (idless[0] == 0)
    assert (one.last_trade_id is None) == (idless[1] == 10**9)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((["BTC/USX"], "2026-11-06"), UnknownSymbolError, "Unknown symbol BTC/USX; the nearest known ones: BTC/USD"),
        (([], "2026-11-06"), BadInputError, "No symbol was given"),
        ((["BTC/USD"], "soon"), BadInputError, "is not a date"),
        ((["BTC/USD"], "2026-11-06", "2027-01-01"), BadInputError, "The end .* lies in the future"),
        ((["BTC/USD"], "2026-11-07", "2026-11-06"), BadInputError, "does not lie after the start"),
    ],
)
def test_bad_input_is_a_sentence(
    exchange: LocalExchange, warehouse: Path, arguments: tuple[object, ...], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        estimate(*arguments)  # type: ignore[arg-type]
    assert not warehouse.exists()


def test_no_network_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    with pytest.raises(NoConnectionError, match="no connection to"):
        estimate(["BTC/USD"], "2026-11-06")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WARN_CALLS", "-1", "sources.kraken_jobs.warn_calls is -1"),
        ("SAMPLE_PAGES", "0", "sample_pages is 0"),
        ("BUILD_TRADES_PER_SECOND", "0", "build_trades_per_second is 0"),
        ("WARN_BYTES", "many", "setting in sources.kraken_jobs cannot be used"),
    ],
)
def test_an_impossible_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    from dlt_pipeline.estimates.price import load_job_settings

    monkeypatch.setenv(f"SOURCES__KRAKEN_JOBS__{name}", value)
    with pytest.raises(BadInputError, match=says):
        load_job_settings()
