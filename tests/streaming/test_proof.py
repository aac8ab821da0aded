"""Each id of a stretch has one fate."""

from datetime import datetime, timezone

import pytest

from dlt_pipeline.stream.stretches import LoadedIds, Stretches, prove

NOON = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("ids", "spans", "completed", "waiting", "outside", "lost"),
    [
        ({11, 12, 13, 14, 15}, ((1, 15),), 2, 0, 0, ()),
        ({11, 12}, ((1, 12),), 1, 2, 0, ()),  # 14 and 15 are for the next load
        ({11, 12, 13, 15}, ((1, 15),), 2, 0, 0, (14,)),  # REST went on to 15 without 14
        ({11, 12, 13}, ((1, 20),), 2, 0, 0, (14, 15)),
        ({14, 15}, ((14, 15),), 0, 0, 1, ()),  # the load began behind 11
        ({11, 15}, ((1, 11), (15, 15)), 0, 0, 1, ()),  # 14 lies between two loads
        (set(), (), 0, 3, 0, ()),
    ],
)
def test_the_fate_of_each_id(
    ids: set[int],
    spans: tuple[tuple[int, int], ...],
    completed: int,
    waiting: int,
    outside: int,
    lost: tuple[int, ...],
) -> None:
    heard = Stretches("BTC/USD")
    heard.connect(NOON)
    assert heard.take([(each, each) for each in (11, 14, 15)], NOON) == 3  # 12 and 13 are missing
    assert heard.take([(10**15, 16)], NOON) == 1, "REST is asked"
    assert heard.newest == (15, 15)
    proof = prove(heard.stretches()[0], LoadedIds(ids, spans, None))
    assert proof.completed_from_rest == completed
    assert (proof.not_loaded_yet, proof.outside_load, proof.not_in_rest) == (waiting, outside, lost)
    assert proof.is_done == (waiting == 0)


def test_ids_without_number_that_nobody_heard_are_not_looked_at_one_by_one() -> None:
    heard = Stretches("BTC/USD")
    heard.connect(NOON)
    heard.take([(10**15, 2)], NOON)
    heard.take([(1, 1)], NOON)
    proof = prove(heard.stretches()[0], LoadedIds({1, 7}, ((1, 7),), None))
    assert (proof.completed_from_rest, proof.not_loaded_yet) == (1, 1)


def test_what_traded_before_a_load_began_is_outside_of_it() -> None:
    heard = Stretches("MINA/GBP")
    heard.connect(NOON)
    heard.take([(11, 1_000), (12, 2_000)], NOON)
    proof = prove(heard.stretches()[0], LoadedIds((), (), begins_ns=2_001))
    assert (proof.outside_load, proof.not_loaded_yet) == (2, 0)
    assert prove(heard.stretches()[0], LoadedIds((), (), begins_ns=2_000)).not_loaded_yet == 2
