"""The invented feed keeps its promises."""

import math
from collections import Counter
from datetime import date, datetime, timezone
from itertools import pairwise

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed, UnknownMarketError, displayed_ns

NOON = datetime(2025, 11, 10, 12, tzinfo=timezone.utc)
SYMBOLS = ["BTC/USD", "ETH/USD", "MINA/GBP", "BONK/USD"]
DAY_NS = 86_400 * 10**9
FIRST_NS = 1_762_473_600 * 10**9  # 2025-11-07, three days before


@pytest.fixture(scope="module")
def feed():
    return SyntheticFeed(seed=3, clock=Clock(NOON))


def test_the_same_seed_gives_the_same_trades_however_they_are_asked(feed):
    again, other = SyntheticFeed(seed=3, clock=Clock(NOON)), SyntheticFeed(seed=4, clock=Clock(NOON))
    end = Clock(NOON).now_ns()
    for symbol in SYMBOLS:
        for day in range(3):
            again.trades(symbol, FIRST_NS + day * DAY_NS)
        assert again.trades(symbol, end) == feed.trades(symbol, end)
        assert other.trades(symbol, end) != feed.trades(symbol, end)


def test_a_day_is_the_same_in_all_but_its_ids_whenever_the_market_was_listed(feed):
    later = SyntheticFeed(seed=3, clock=Clock(NOON), listed_on=date(2025, 11, 8), burst=False)
    end = Clock(NOON).now_ns()
    expected = [t for t in feed.trades("ETH/USD", end) if t.time_ns >= FIRST_NS + DAY_NS]
    found = later.trades("ETH/USD", end)
    assert [t[1:] for t in found] == [t[1:] for t in expected]
    assert found[0].trade_id == 1


def test_no_day_repeats_another(feed):
    times = {trade.time_ns for trade in feed.trades("MINA/GBP", Clock(NOON).now_ns())}
    assert len({time % DAY_NS for time in times}) > 0.9 * len(times)


@pytest.mark.parametrize(("symbol", "first_id"), [("BTC/USD", 1), ("ETH/USD", 1), ("MINA/GBP", 3), ("BONK/USD", 1)])
def test_ids_are_contiguous_and_times_ascend(feed, symbol, first_id):
    trades = feed.trades(symbol, Clock(NOON).now_ns())
    assert [trade.trade_id for trade in trades] == list(range(first_id, first_id + len(trades)))
    assert all(a.time_ns <= b.time_ns and displayed_ns(a) <= displayed_ns(b) for a, b in pairwise(trades))
    assert trades[0].time_ns >= FIRST_NS
    assert trades[-1].time_ns <= Clock(NOON).now_ns()


def test_the_shown_time_is_the_float_of_the_true_one(feed):
    for trade in feed.trades("BTC/USD", Clock(NOON).now_ns()):
        assert float(trade.time_text) == trade.time_ns / 10**9
        assert not trade.time_text.endswith(("0", ".")) or "." not in trade.time_text
        assert abs(displayed_ns(trade) - trade.time_ns) <= 170  # half a float64 step and half of the last digit


def test_trades_share_nanoseconds_shown_times_and_everything_but_the_id(feed):
    trades = feed.trades("ETH/USD", Clock(NOON).now_ns())  # without a burst, which has such by chance
    assert any(a.time_ns == b.time_ns for a, b in pairwise(trades))
    inside = [trade for trade in trades if "." in trade.time_text]  # on borders it is so anyway
    assert sum(a.time_ns != b.time_ns and a.time_text == b.time_text for a, b in pairwise(inside)) > 20
    assert any(a[1:] == b[1:] for a, b in pairwise(trades))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_trades_stand_on_bucket_borders_and_just_before(feed, symbol):
    trades = feed.trades(symbol, Clock(NOON).now_ns())
    distances = Counter((trade.time_ns + 500) % (60 * 10**9) - 500 for trade in trades)
    assert min(distances[0], distances[-1], distances[-300]) >= 1
    rounded_up = [trade for trade in trades if trade.time_ns % (60 * 10**9) == 60 * 10**9 - 1]
    assert all("." not in trade.time_text for trade in rounded_up)


def test_fifteen_hundred_trades_fall_into_one_millisecond_of_the_first_day(feed):
    trades = feed.trades("BTC/USD", FIRST_NS + DAY_NS - 1)
    burst = [t.time_ns for t in trades if 0 <= t.time_ns - (FIRST_NS + DAY_NS // 2 + 250_000_000) < 10**6]
    assert len(burst) == len(set(burst)) == 1500
    per_ms = Counter(t.time_ns // 10**6 for t in feed.trades("BTC/USD", Clock(NOON).now_ns()))
    assert [ms for ms, count in per_ms.items() if count > 100] == [burst[0] // 10**6]


def test_the_thin_market_is_silent_for_hours(feed):
    trades = feed.trades("MINA/GBP", Clock(NOON).now_ns())
    assert 25 * 3.5 <= len(trades) <= 75 * 3.5
    assert max(b.time_ns - a.time_ns for a, b in pairwise(trades)) > 3 * 3600 * 10**9


def test_micro_prices_and_volumes_past_ten_billion(feed):
    trades = feed.trades("BONK/USD", Clock(NOON).now_ns())
    assert max(float(trade.volume) for trade in trades) > 1e10
    assert all(len(trade.price.partition(".")[2]) == 10 for trade in trades)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_prices_walk_and_do_not_jump_between_days(feed, symbol):
    prices = [float(trade.price) for trade in feed.trades(symbol, Clock(NOON).now_ns())]
    assert min(prices) > 0
    assert max(abs(math.log(b / a)) for a, b in pairwise(prices)) < 0.02
    assert len(set(prices)) > 50


def test_a_factor_and_a_number_by_symbol_change_the_size():
    end = FIRST_NS + DAY_NS - 1
    small = SyntheticFeed(clock=Clock(NOON), trades_per_day=0.1, burst=False)
    assert 150 <= len(small.trades("BTC/USD", end)) <= 260
    chosen = SyntheticFeed(clock=Clock(NOON), trades_per_day={"MINA/GBP": 3000, "ETH/USD": 0}, burst=False)
    assert 2500 <= len(chosen.trades("MINA/GBP", end)) <= 3500
    assert chosen.trades("ETH/USD", end) == []
    assert 1700 <= len(chosen.trades("BTC/USD", end)) <= 2400


def test_a_symbol_that_is_not_traded_is_named():
    with pytest.raises(UnknownMarketError, match="DOGE/USD is not traded here; there are BTC/USD"):
        SyntheticFeed(trades_per_day={"DOGE/USD": 1})


@pytest.mark.parametrize("since_inclusive", [False, True])
def test_a_client_that_rewinds_a_nanosecond_gets_every_trade(feed, fetch, since_inclusive):
    clock = Clock(datetime(2025, 11, 8, tzinfo=timezone.utc))
    expected = [trade.trade_id for trade in feed.trades("BTC/USD", clock.now_ns())]
    known: dict[int, None] = {}
    with LocalExchange(feed, clock, since_inclusive=since_inclusive) as exchange:
        since, size = "0", -1
        while len(known) > size:
            size = len(known)
            result = fetch(exchange, "Trades", pair="XBTUSD", since=since)["result"]
            known |= dict.fromkeys(row[6] for row in result["XXBTZUSD"])
            since = str(int(result["last"]) - 1)
    assert list(known) == expected
    assert len(expected) > 3000


def test_further_markets_on_demand_leave_the_others_as_they_are(feed):
    wide, end = SyntheticFeed(seed=3, clock=Clock(NOON), extra_markets=12), Clock(NOON).now_ns()
    assert [market.symbol for market in feed.markets] == SYMBOLS
    assert [market.symbol for market in wide.markets] == [*SYMBOLS, *(f"COIN{n:02}/USD" for n in range(1, 13))]
    for symbol in SYMBOLS:
        assert wide.trades(symbol, end) == feed.trades(symbol, end)
    first, last = wide.trades("COIN01/USD", end), wide.trades("COIN12/USD", end)
    assert min(len(first), len(last)) > 1000
    assert [trade.price for trade in first[:50]] != [trade.price for trade in last[:50]]
