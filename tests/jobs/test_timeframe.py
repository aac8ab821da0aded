"""Bucket sizes: one name each, and nothing that could not be built day by day."""

import pytest

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import timeframe_name, timeframe_seconds


@pytest.mark.parametrize(
    ("given", "name", "seconds"),
    [
        ("1s", "1s", 1),
        ("60s", "1m", 60),
        ("90m", "90m", 5_400),
        ("240m", "4h", 14_400),
        ("24h", "1d", 86_400),
        ("7d", "1w", 604_800),
        ("15d", "15d", 1_296_000),
        (" 5m ", "5m", 300),
    ],
)
def test_each_size_has_one_name(given: str, name: str, seconds: int) -> None:
    assert (timeframe_name(given), timeframe_seconds(given)) == (name, seconds)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "is none"),
        ("0s", "is none"),
        ("1", "is none"),
        ("1M", "is none"),
        ("1.5h", "is none"),
        ("-1m", "is none"),
        ("7m", "must divide a day"),
        ("36h", "must divide a day"),
        ("16d", "longer than 15d"),
        ("3w", "longer than 15d"),
    ],
)
def test_what_cannot_be_built_is_refused_by_its_name(given: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        timeframe_name(given)
