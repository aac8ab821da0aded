"""What was heard, by ids: runs, holes, repeats, disconnects."""

from datetime import datetime, timedelta
from random import Random

import pytest

from dlt_pipeline.stream.listener import stamp_ns, trades_of
from dlt_pipeline.stream.stretches import Stretches, add

NOON = datetime(2026, 11, 8, 12)  # noqa: DTZ001 - naive UTC


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def take(heard: Stretches, *ids: int, second: int = 1) -> int:
    return heard.take([(each, each * 10**9) for each in ids], at(second))


@pytest.fixture
def heard() -> Stretches:
    heard = Stretches("BTC/USD")
    heard.connect(at(0))
    return heard


def test_ids_in_any_order_are_runs_without_overlap() -> None:
    ids = [1, 2, 3, 5, 6, 9, 11, 12, 13, 20]
    for seed in range(50):
        runs: list[tuple[int, int]] = []
        drawn = Random(seed).sample(ids * 2, len(ids) * 2)
        assert sum(add(runs, each) for each in drawn) == len(ids)
        assert runs == [(1, 3), (5, 6), (9, 9), (11, 13), (20, 20)]


def test_a_stretch_without_a_hole(heard: Stretches) -> None:
    assert take(heard, 11, 12, second=1) == 2
    assert take(heard, 12, 13, second=5) == 1
    (stretch,) = heard.stretches()
    assert (stretch.first_trade_id, stretch.last_trade_id, stretch.trade_count) == (11, 13, 3)
    assert (stretch.first_heard_at, stretch.last_heard_at, stretch.newest_time_ns) == (at(1), at(5), 13 * 10**9)
    assert (stretch.missing, stretch.is_open, stretch.disconnected_at) == ((), True, None)
    assert heard.newest == (13, 13 * 10**9)


def test_what_is_not_heard_inside_or_between_connections_is_missing(heard: Stretches) -> None:
    take(heard, 11, 13)
    heard.close(at(7))
    heard.connect(at(9))
    take(heard, 16, 17, 19)
    first, second = heard.stretches()
    assert (first.missing, first.disconnected_at) == (((12, 12),), at(7))
    assert (second.missing, second.missing_count, second.connection) == (((14, 15), (18, 18)), 3, 2)
    assert (second.connected_at, second.after_trade_id, second.from_time_ns) == (at(9), 13, 13 * 10**9)


def test_a_snapshot_that_repeats_adds_only_what_was_missed(heard: Stretches) -> None:
    take(heard, 11, 13)
    heard.close(at(7))
    heard.connect(at(9))
    assert take(heard, 10, 11, 12, 13) == 2  # 10 lies before what the first connection told
    assert [stretch.missing_count for stretch in heard.stretches()] == [0]
    assert take(heard, 13, 14) == 1
    assert [stretch.heard for stretch in heard.stretches()] == [((10, 13),), ((14, 14),)]


def test_pieces_of_one_connection_go_on_from_each_other_and_can_be_forgotten(heard: Stretches) -> None:
    take(heard, 11, 12)
    heard.close()
    take(heard, 13, 12)
    first, second = heard.stretches()
    assert (first.disconnected_at, first.is_open, second.connection, second.missing) == (None, False, 1, ())
    heard.forget(13)
    assert heard.stretches() == [second]  # the open one stays
    assert take(heard, 11, 12) == 0
    heard.close()
    heard.forget(13)
    assert heard.stretches() == []
    take(heard, 15)
    assert heard.stretches()[0].missing == ((14, 14),)


def test_a_piece_after_which_nothing_was_heard_ends_with_its_connection(heard: Stretches) -> None:
    take(heard, 11)
    heard.close()
    heard.close(at(7))
    heard.connect(at(9))
    heard.close(at(11))
    assert [stretch.disconnected_at for stretch in heard.stretches()] == [at(7)]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:00.708706Z", 708_706_000),
        ("1970-01-01T00:00:00.264627814Z", 264_627_814),
    ],
)
def test_stamps_are_read_to_the_digit(text: str, ns: int) -> None:
    assert stamp_ns(text) == ns


@pytest.mark.parametrize(
    "trade",
    [
        {"trade_id": "7"},
        {"trade_id": 0},
        {"trade_id": 2**63},
        {"timestamp": "today"},
        {"timestamp": "1970-01-01T00:00:00Z"},
    ],
)
def test_a_trade_that_is_none_is_refused(trade: dict[str, object]) -> None:
    good = {"symbol": "BTC/USD", "trade_id": 7, "timestamp": "2023-09-25T07:49:37.708706Z"}
    with pytest.raises(ValueError, match="is no"):
        list(trades_of({"channel": "trade", "data": [good | trade]}))
