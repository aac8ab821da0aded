"""The WebSocket v2 trade channel as a plain client meets it."""

import asyncio
import json

import aiohttp
import pytest

from dlt_pipeline.exchange import Fault, LocalExchangeError

START = 1_700_000_000
ROWS = [(f"{START + n}.1234567", f"10{n}.50000", f"{n}.10000000") for n in range(1, 8)]  # ids 11 to 17


@pytest.fixture
def exchange(serve_tape):
    return serve_tape(ROWS, START + 3.5)  # three trades have happened


def talk(exchange, script):
    """Run `script(socket)` over one connection; gives what it returns."""

    async def run():
        url = exchange.base_url.replace("http", "ws") + "/v2"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            return await asyncio.wait_for(script(socket), 10)

    return asyncio.run(run())


async def message(socket, *skipped):
    """The next message with numbers as they were sent; those of `skipped` channels are passed over."""
    while True:
        heard = json.loads(await socket.receive_str(), parse_float=str)
        if heard.get("channel") not in skipped:
            return heard


async def subscribe(socket, *symbols, method="subscribe", **more):
    params = {"channel": "trade", "symbol": list(symbols), **more}
    await socket.send_json({"method": method, "params": params, "req_id": 7})


async def next_ids(socket):
    return [trade["trade_id"] for trade in (await message(socket, "heartbeat", "status"))["data"]]


async def subscribed(socket):
    """Subscribe and pass the acknowledgement; gives the snapshot's ids."""
    await subscribe(socket, "BTC/USDT")
    assert (await message(socket, "status", "heartbeat"))["success"]
    return await next_ids(socket)


def test_status_then_acknowledgement_then_snapshot_then_updates(exchange):
    async def script(socket):
        status = await message(socket)
        await subscribe(socket, "BTC/USDT", snapshot=True)
        accepted, snapshot = [await message(socket) for _ in range(2)]
        exchange.clock.advance(2)
        return status, accepted, snapshot, await message(socket)

    status, accepted, snapshot, update = talk(exchange, script)
    assert (status["channel"], status["data"][0]["api_version"]) == ("status", "v2")
    assert accepted.pop("time_in") <= accepted.pop("time_out")
    result = {"channel": "trade", "snapshot": True, "symbol": "BTC/USDT"}
    assert accepted == {"method": "subscribe", "req_id": 7, "result": result, "success": True}
    assert (snapshot["channel"], snapshot["type"], update["type"]) == ("trade", "snapshot", "update")
    assert [trade["trade_id"] for trade in snapshot["data"]] == [11, 12, 13]
    assert update["data"][0] == {
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": "104.50000",  # digit for digit, and without quotes: parse_float keeps text only of numbers
        "qty": "4.10000000",
        "ord_type": "limit",
        "trade_id": 14,
        "timestamp": "2023-11-14T22:13:24.123456Z",
    }
    assert [trade["trade_id"] for trade in update["data"]] == [14, 15]


def test_the_snapshot_is_the_last_50_and_can_be_left_out(serve_tape):
    exchange = serve_tape([(f"{START + n}", "1.0", "1.0") for n in range(80)], START + 100)  # ids 11 to 90
    assert talk(exchange, subscribed) == list(range(41, 91))

    async def without(socket):
        await subscribe(socket, "BTC/USDT", snapshot=False)
        return [(await message(socket, "status")).get(key) for key in ("success", "channel")]

    assert talk(exchange, without) == [True, "heartbeat"]


def test_ping_and_heartbeats_only_with_a_subscription(exchange):
    async def script(socket):
        await message(socket)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(message(socket), 1.3)
        await socket.send_json({"method": "ping", "req_id": 101})
        pong = await message(socket)
        await subscribed(socket)
        return pong, await message(socket)

    pong, heartbeat = talk(exchange, script)
    assert (pong["method"], pong["req_id"]) == ("pong", 101)
    assert heartbeat == {"channel": "heartbeat"}


def test_unsubscribe_ends_the_updates(exchange):
    async def script(socket):
        await subscribed(socket)
        answers = []
        for _ in range(2):
            await subscribe(socket, "BTC/USDT", method="unsubscribe")
            answers.append(await message(socket, "heartbeat"))
        exchange.clock.advance(10)
        await socket.send_json({"method": "ping"})
        return *answers, await message(socket)

    done, again, pong = talk(exchange, script)
    assert (done["success"], done["result"]) == (True, {"channel": "trade", "symbol": "BTC/USDT"})
    assert (again["success"], again["error"]) == (False, "Subscription Not Found")
    assert pong["method"] == "pong"


def test_what_cannot_be_is_refused_and_the_connection_stays(exchange):
    async def script(socket):
        await subscribe(socket, "XBT/USDT", "BTC/USDT")
        await subscribe(socket, "BTC/USDT")
        heard = [await message(socket, "status", "trade", "heartbeat") for _ in range(3)]
        for bad in ("{nonsense", '"text"', '{"method": "dance"}'):
            await socket.send_str(bad)
        for params in (None, {"channel": "book"}, {"channel": "trade", "symbol": "BTC/USDT"}):
            await socket.send_json({"method": "subscribe", "params": params})
        await socket.send_json({"method": "subscribe", "params": {"channel": "trade", "symbol": [["x"], 5]}})
        return heard + [await message(socket, "heartbeat") for _ in range(8)]

    unknown, accepted, twice, *bad = talk(exchange, script)
    assert (unknown["error"], unknown["symbol"]) == ("Currency pair not supported XBT/USDT", "XBT/USDT")
    assert (unknown["method"], unknown["success"], unknown["req_id"]) == ("subscribe", False, 7)
    assert accepted["success"]
    assert (twice["error"], twice["success"]) == ("Already subscribed", False)
    malformed, channel, symbols = "Malformed request", "Subscription name invalid", "Symbol field must be an array"
    unknown = [f"Currency pair not supported {each}" for each in ("['x']", "5")]
    assert [each["error"] for each in bad] == [malformed] * 3 + [channel] * 2 + [symbols] + unknown


def test_a_disconnect_strikes_one_connection(exchange):
    async def script(socket):
        await subscribed(socket)
        exchange.faults.add(Fault("disconnect", pair="BTC/USDT"))
        while (heard := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        return heard.type

    assert talk(exchange, script) in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert exchange.faults.pending == []
    assert talk(exchange, subscribed) == [11, 12, 13]
    assert [call.path for call in exchange.calls] == ["v2", "v2"]


def test_chosen_ids_are_not_told(exchange):
    exchange.faults.add(Fault("hide_ids", path="v2", ids={12, 15}, times=None))

    async def script(socket):
        snapshot = await subscribed(socket)
        exchange.clock.advance(3)
        return snapshot, await next_ids(socket)

    assert talk(exchange, script) == ([11, 13], [14, 16])


def test_silence_leaves_the_connection_open_and_sends_nothing(exchange):
    async def script(socket):
        await subscribed(socket)
        exchange.faults.add(Fault("silence"))
        await asyncio.sleep(0.3)
        exchange.clock.advance(10)
        await socket.send_json({"method": "ping"})
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(message(socket, "heartbeat"), 1.5)
        return socket.closed

    assert talk(exchange, script) is False


def test_connections_can_be_refused(exchange):
    exchange.faults.add(Fault("http_status", path="v2", status=503))
    exchange.faults.add(Fault("drop", path="v2", times=2))  # aiohttp asks a second time by itself
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        talk(exchange, subscribed)
    with pytest.raises(aiohttp.ClientConnectionError):
        talk(exchange, subscribed)
    assert talk(exchange, subscribed) == [11, 12, 13]


def test_a_fault_of_a_connection_strikes_at_once():
    with pytest.raises(LocalExchangeError, match="strikes at once"):
        Fault("silence", skip=1)


def test_the_server_ends_with_connections_open(serve_tape):
    exchange = serve_tape(ROWS, START + 3.5)

    async def script(socket):
        await subscribed(socket)
        await asyncio.get_running_loop().run_in_executor(None, exchange.stop)
        return (await socket.receive()).data

    assert talk(exchange, script) == aiohttp.WSCloseCode.GOING_AWAY
