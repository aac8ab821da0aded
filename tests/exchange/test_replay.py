"""Real answers go out as they came in, and the candle loop agrees with Kraken's own candles."""

import json
import shutil

import ccxt
import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, RecordingError, ReplayFeed, displayed_ns

LAST_GRTETH = 1_620_662_277_344_765_645


def recorded_result(path):
    return json.loads(path.read_text(), parse_float=str)["result"]


def grteth_rows(folder):
    lines = (folder / "grteth" / "pages.jsonl").read_text().splitlines()
    answers = [json.loads(json.loads(line)["body"], parse_float=str)["result"] for line in lines]
    return [row for answer in answers for row in answer["GRTETH"]], [int(answer["last"]) for answer in answers]


def test_a_recorded_page_goes_out_as_recorded(recorded_folder, fetch):
    with LocalExchange(ReplayFeed(recorded_folder / "xbtusdt")) as exchange:
        result = fetch(exchange, "Trades", pair="XBTUSDT", since=0)["result"]
        listing = fetch(exchange, "AssetPairs")["result"]
    assert result == recorded_result(recorded_folder / "xbtusdt" / "trades.json")
    assert listing == recorded_result(recorded_folder / "xbtusdt" / "asset_pairs.json")


def test_recorded_candles_go_out_as_recorded_the_newest_720(recorded_folder, fetch):
    recorded = recorded_result(recorded_folder / "xbtusdt" / "ohlc_1m.json")
    with LocalExchange(ReplayFeed(recorded_folder / "xbtusdt")) as exchange:
        assert exchange.clock.now_ns() == 1_762_820_221 * 10**9
        result = fetch(exchange, "OHLC", pair="XBTUSDT", interval=1)["result"]
        assert len(recorded["XBTUSDT"]) == 721
        assert result == {"XBTUSDT": recorded["XBTUSDT"][1:], "last": 1_762_820_160}
        # Two minutes earlier, two rows are still to come.
        exchange.clock.advance(-120)
        result = fetch(exchange, "OHLC", pair="XBTUSDT", interval=1)["result"]
        assert result == {"XBTUSDT": recorded["XBTUSDT"][:-2], "last": 1_762_820_040}
        # An hour later, nobody knows how the row ended that was open in the recording.
        exchange.clock.advance(3720)
        assert fetch(exchange, "OHLC", pair="XBTUSDT", interval=1)["result"]["last"] == 1_762_820_160


def test_the_candle_loop_equals_kraken_on_every_complete_minute(recorded_folder, tmp_path, fetch):
    for name in ("trades.json", "asset_pairs.json"):  # without the recorded candles they are computed
        shutil.copy(recorded_folder / "xbtusdt" / name, tmp_path)
    with LocalExchange(ReplayFeed(tmp_path), Clock.at_ns(1_762_820_221 * 10**9)) as exchange:
        computed = fetch(exchange, "OHLC", pair="XBTUSDT", interval=1)["result"]["XBTUSDT"]
    recorded = recorded_result(recorded_folder / "xbtusdt" / "ohlc_1m.json")["XBTUSDT"]
    complete = range(1_762_795_440, 1_762_819_920 + 60, 60)  # 17:24 to 00:12; 17:23 is cut by the page's begin
    assert len(complete) == 409
    assert [row for row in computed if row[0] in complete] == [row for row in recorded if row[0] in complete]


def test_an_interval_that_was_not_recorded_is_computed(recorded_folder, fetch):
    with LocalExchange(ReplayFeed(recorded_folder / "xbtusdt")) as exchange:
        rows = fetch(exchange, "OHLC", pair="XBTUSDT", interval=60)["result"]["XBTUSDT"]
        minutes = recorded_result(recorded_folder / "xbtusdt" / "ohlc_1m.json")["XBTUSDT"]
    hour = [row for row in minutes if 1_762_797_600 <= row[0] < 1_762_801_200]
    (computed,) = [row for row in rows if row[0] == 1_762_797_600]
    assert (computed[1], computed[4], computed[7]) == (hour[0][1], hour[-1][4], sum(row[7] for row in hour))


@pytest.mark.parametrize("since_inclusive", [False, True])
def test_six_pages_without_ids_are_one_sequence_in_both_meanings_of_since(recorded_folder, fetch, since_inclusive):
    expected, lasts = grteth_rows(recorded_folder)
    # Exclusive: ask with `last`; inclusive: with `last + 1`, as the client that recorded them did.
    step = 1 if since_inclusive else 0
    found, given, since = [], [], 0
    with LocalExchange(ReplayFeed(recorded_folder / "grteth"), since_inclusive=since_inclusive) as exchange:
        for _ in range(7):
            result = fetch(exchange, "Trades", pair="GRTETH", since=since)["result"]
            found += result["GRTETH"]
            given.append(int(result["last"]))
            since = given[-1] + step
    assert found == expected
    assert len(found) == 6000
    assert given == [*lasts, LAST_GRTETH + step]


def test_true_times_ascend_though_shown_ones_round_past_last(recorded_folder):
    trades = ReplayFeed(recorded_folder / "grteth").trades("GRTETH", LAST_GRTETH)
    _, lasts = grteth_rows(recorded_folder)
    assert [trades[index].time_ns for index in range(999, 6000, 1000)] == lasts
    times = [trade.time_ns for trade in trades]
    assert times == sorted(times)
    assert displayed_ns(trades[-1]) > trades[-1].time_ns
    assert all(abs(displayed_ns(trade) - trade.time_ns) <= 50_000 for trade in trades)  # shown with four decimals


def test_a_listing_is_derived_and_ccxt_understands_it(recorded_folder):
    feed = ReplayFeed(recorded_folder / "grteth")
    assert feed.market("GRT/ETH").pair_decimals == 7  # as Kraken lists it, though rows show nine
    with LocalExchange(feed) as exchange:
        client = ccxt.kraken({"urls": {"api": {"public": exchange.base_url}}})
        assert client.load_markets()["GRT/ETH"]["id"] == "GRTETH"


def test_several_folders_are_one_exchange(recorded_folder, fetch):
    feed = ReplayFeed(*(recorded_folder / name for name in ("xbtusdt", "grteth", "markets")))
    assert {market.symbol for market in feed.markets} == {"BTC/USDT", "GRT/ETH"}
    with LocalExchange(feed) as exchange:
        assert fetch(exchange, "AssetPairs", pair="GRTETH")["result"]["GRTETH"]["ordermin"] == "3.5"
        assert len(fetch(exchange, "Assets")["result"]) == 113


def page(*rows, last=None):
    answer = {"error": [], "result": {"GRTETH": list(rows), **({"last": last} if last else {})}}
    return json.dumps({"since": "0", "body": json.dumps(answer)})


def row(seconds, trade_id):
    return ["0.1", "1.0", seconds, "b", "l", "", trade_id]


def test_pages_that_overlap_are_joined_by_id(tmp_path):
    pages = [
        page(row(100.1, 1), row(100.2, 2), last="100200000100"),
        page(row(100.2, 2), row(100.2, 3), row(100.3, 4)),
    ]
    (tmp_path / "pages.jsonl").write_text("\n".join(pages))
    trades = ReplayFeed(tmp_path).trades("GRTETH", 10**18)
    assert [(t.trade_id, t.time_ns) for t in trades] == [
        (1, 100_100_000_000),
        (2, 100_200_000_100),
        (3, 100_200_000_100),  # kept behind the one before it
        (4, 100_300_000_000),
    ]


def test_no_true_time_passes_last_nor_stands_before_the_page_before(tmp_path):
    pages = [
        page(row(100.2, 0), row(100.2, 0), last="100199999950"),  # shown rounded up
        page(row(100.2, 0), row(100.3, 0), last="100300000020"),
        page(row(100.3, 0), row(100.4, 0), last="100400000000"),  # shown rounded down
    ]
    (tmp_path / "pages.jsonl").write_text("\n".join(pages))
    assert [trade.time_ns for trade in ReplayFeed(tmp_path).trades("GRTETH", 10**18)] == [
        *(100_199_999_950, 100_199_999_950),
        *(100_200_000_000, 100_300_000_020),
        *(100_300_000_021, 100_400_000_000),
    ]


def test_trades_with_id_zero_are_all_kept(tmp_path):
    (tmp_path / "pages.jsonl").write_text(page(row(100.1, 0), row(100.1, 0)) + "\n" + page(row(100.2, 0)))
    assert [trade.trade_id for trade in ReplayFeed(tmp_path).trades("GRTETH", 10**18)] == [0, 0, 0]


def test_a_missing_folder_and_one_without_trades_are_named(tmp_path):
    with pytest.raises(RecordingError, match="nowhere: there is no such folder"):
        ReplayFeed(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match=r"no recorded trades; a trades\.json or pages\.jsonl"):
        ReplayFeed(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        page(["x", "1.0", 1.5, "b", "l", ""]),
        page(row(1.5, 1), ["0.1"]),
        '{"body": 5}',
        page(row(2.5, 1), row(1.5, 2)),
    ],
)
def test_a_broken_recording_is_refused_when_it_is_read(tmp_path, text):
    (tmp_path / "pages.jsonl").write_text(text)
    with pytest.raises(RecordingError):
        ReplayFeed(tmp_path)
