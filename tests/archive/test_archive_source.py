"""The source in a pipeline of one's own: a bounded chunk a run, until nothing is added."""

from pathlib import Path

import dlt
import pytest

from dlt_pipeline import archive_source
from dlt_pipeline.common.exceptions import BadInputError
from tests.archive.exported import write_zip

ROWS = 4_000


def test_runs_go_on_where_the_destination_ends(
    tmp_path: Path, no_exchange: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__CHUNK_ROWS", "1500")
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "10000")
    text = "".join(f"{1_704_067_200 + row},{row + 1},0.5\n" for row in range(ROWS))
    made = write_zip(tmp_path / "history.zip", {"XBTUSD.csv": text})
    destination = dlt.destinations.duckdb(str(tmp_path / "mine.duckdb"))
    pipeline = dlt.pipeline("mine", destination=destination, dataset_name="raw")
    counts = []
    for _ in range(5):
        pipeline.run(archive_source(str(made), symbols=["XBTUSD"]))
        with pipeline.sql_client() as client:
            rows = client.execute_sql("select count(*), count(distinct row_number) from raw.archive_trades")
            counts.append(tuple(rows[0]))
    assert counts[0][0] < counts[1][0] < ROWS
    assert counts[-1] == counts[-2] == (ROWS, ROWS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("nowhere.zip",), "There is no nowhere.zip"), (((),), "No archive was named")],
)
def test_what_makes_no_sense_is_refused_at_once(arguments: tuple[str], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        archive_source(*arguments)
