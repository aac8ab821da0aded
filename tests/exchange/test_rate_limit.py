from dlt_pipeline.exchange.api import RateLimiter

START = 1_700_000_000
TAPE = [(f"{START}", "100.0", "1.0")]
LIMITED = {"error": ["EAPI:Rate limit exceeded"]}


def test_a_burst_then_one_call_in_so_many_seconds():
    now = [100.0]
    limiter = RateLimiter(2.0, burst=3, now=lambda: now[0])
    assert [limiter.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert limiter.allows("b")
    now[0] += 1.9
    assert not limiter.allows("a")
    now[0] += 0.2
    assert [limiter.allows("a"), limiter.allows("a")] == [True, False]
    now[0] += 1000
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]


def test_zero_seconds_are_no_limit():
    limiter = RateLimiter(0.0, burst=1)
    assert all(limiter.allows("a") for _ in range(100))


def test_trades_and_ohlc_share_a_pair_and_leave_the_rest_alone(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 1, seconds_per_call=60)
    calls = ["Trades", "OHLC", "Trades", "OHLC"]
    answers = [fetch(exchange, method, pair="XBTUSDT") for method in calls]
    assert [answer == LIMITED for answer in answers] == [False, False, False, True]
    # Under another name it is the same pair.
    assert fetch(exchange, "Trades", pair="XBT/USDT") == LIMITED
    assert fetch(exchange, "Trades", pair="NOPE") == {"error": ["EQuery:Unknown asset pair"]}
    assert fetch(exchange, "Time")["error"] == []


def test_the_other_methods_have_a_wider_limit_by_address(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 1, seconds_per_call=60)
    answers = [fetch(exchange, method) == LIMITED for method in ["Time", "Assets"] * 8]
    assert answers == [False] * 15 + [True]


def test_the_limit_goes_by_real_time_not_by_the_exchange_clock(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 1, seconds_per_call=60)
    for _ in range(4):
        answer = fetch(exchange, "Trades", pair="XBTUSDT")
        exchange.clock.advance(3600)
    assert answer == LIMITED


def test_the_log_says_which_calls_came_too_fast(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 1, seconds_per_call=60)
    for _ in range(5):
        fetch(exchange, "Trades", pair="XBTUSDT")
    assert [call.is_limited for call in exchange.calls] == [False] * 3 + [True] * 2
