"""One instant, one meaning: whatever the session's zone, a join with published candles is right or refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.publishing import partitions
from tests.publishing.made import Made

TRIALS = Path(__file__).with_name("zone_trials.py")
SQL = {"literal", "date", "aware as-of", "naive as-of", "aware bound", "merge"}


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Tokyo"])
def test_joins_are_right_or_refused(published: Made, zone: str) -> None:
    run = [sys.executable, str(TRIALS), str(published.path.parent)]
    done = subprocess.run(run, env={**os.environ, "TZ": zone}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {
        reader: {result: {name for name, came in trials.items() if came == result} for result in set(trials.values())}
        for reader, trials in json.loads(done.stdout).items()
    }
    right, is_utc = {"right": SQL}, zone == "UTC"
    assert found.pop("DuckDB, published") == (right if is_utc else {"guarded": SQL})
    assert found.pop("DuckDB, published, after SET") == right
    # Files cannot guard themselves; those with a zone would shift twice as much.
    shifted = {"aware as-of", "aware bound"}
    assert found.pop("DuckDB, files") == (right if is_utc else {"shifted": shifted, "right": SQL - shifted})
    assert found.pop("DuckDB, files with a zone") == (right if is_utc else {"right": shifted, "shifted": SQL - shifted})
    naive, aware = {"naive as-of"}, {"aware as-of"}
    assert found.pop("pandas") == {"right": naive | {"merge"}, "refused": aware}
    assert found.pop("polars") == {"right": naive, "refused": aware}
    for reader in ("pandas with a zone", "polars with a zone"):
        assert found[reader] == {"right": aware, "refused": naive}


@pytest.mark.parametrize("view", ["ohlcv", "candles", "rest_candles", "kraken.candles"])
def test_a_session_of_another_zone_is_told_what_to_do(published: Made, view: str) -> None:
    with duckdb.connect(str(published.published), read_only=True) as connection:
        for zone in ("America/New_York", "Europe/London", "Asia/Tokyo"):
            connection.execute(f"set TimeZone = '{zone}'")
            with pytest.raises(duckdb.Error, match=f"the TimeZone {zone} of this .* SET TimeZone = 'UTC' first"):
                connection.execute(f"select max(bucket_start) from {view}")
        for zone in ("UTC", "Etc/UTC", "GMT", "Zulu"):
            connection.execute(f"set TimeZone = '{zone}'")
            assert connection.execute(f"select min(bucket_start)::text from {view}").fetchall() == [
                ("2025-12-31 22:00:00",)
            ]


def test_files_of_an_older_form_are_written_anew(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times once had a zone in the files; the rows are the same."""
    with monkeypatch.context() as older:
        older.setattr(partitions, "_LAYOUT", 1)
        publish(made.path)
    assert len(publish(made.path).written) == 16
