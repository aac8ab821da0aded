"""Seeds of a folder of one's own: what they accept is not red, what is expired or unused warns, what is broken is refused."""

from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.dbt_run import Built, build

DIFFERENCES = "symbol,timeframe,bucket_from,bucket_to,reason,until\n"
GAPS = "symbol,gap_from,gap_to,reason,until\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with empty seeds, which the next build takes."""
    monkeypatch.setenv("KRAKEN_CANDLES_SEEDS", str(tmp_path / "seeds"))
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "accepted_differences.csv").write_text(DIFFERENCES)
    (tmp_path / "seeds" / "accepted_gaps.csv").write_text(GAPS)
    return tmp_path


def _build(folder: Path, *differences: str) -> Built:
    (folder / "seeds" / "accepted_differences.csv").write_text(DIFFERENCES + "\n".join(differences) + "\n")
    path = folder / "warehouse.duckdb"
    if not path.exists():
        with raw.create(path) as connection:
            raw.insert_rule(connection, GOLDEN / "red" / "rest_differs")
    return build(path, folder / "target")


def _unsound(built: Built) -> dict[str, str]:
    return {name: status for name, status in built.status.items() if status not in {"success", "pass"}}


def test_accepted_differences_are_not_red_and_still_seen(folder: Path) -> None:
    built = _build(
        folder,
        "rest_differs,1m,2024-02-02T10:00:00Z,2024-02-02 10:03,Kraken's backend of that day,2999-12-31",
        "rest_differs,1m,2024-02-02 10:03:00,,one bucket,",
    )
    assert built.exit_code == 0, built.output
    assert _unsound(built) == {}
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select distinct status, is_accepted, accepted_reason, bucket_start >= '2024-02-02 10:03:00' "
            "from kraken.check_rest_candles order by all"
        ).fetchall()
        days = connection.execute("select differs_count, accepted_count from kraken.check_rest_summary").fetchall()
    assert rows == [
        ("differs", True, "Kraken's backend of that day", False),
        ("differs", True, "one bucket", True),
        ("identical", False, None, False),
        ("identical", False, None, True),
    ]
    assert days == [(4, 4)]


def test_an_expired_line_warns_and_accepts_nothing_an_unused_one_warns(folder: Path) -> None:
    built = _build(
        folder,
        "rest_differs,1m,2024-02-02 10:00:00,2024-02-02 10:03:00,until Kraken mends it,2024-03-01",
        "rest_differs,1m,2024-02-02 10:03:00,2024-02-02 10:04:00,used,",
        "rest_differs,1m,2024-02-02 10:04:00,2024-02-02 11:00:00,nothing differs here,",
        "rest_differs,5m,2024-02-02 10:00:00,2024-02-02 11:00:00,another timeframe,",
    )
    assert built.exit_code == 1
    assert _unsound(built) == {
        "candles_equal_krakens_own": "fail",
        "accepted_differences_are_not_expired": "warn",
        "accepted_differences_are_used": "warn",
    }
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        failed = connection.execute(
            f"select distinct bucket_start::varchar from ({built.tests['candles_equal_krakens_own']}) order by 1"
        ).fetchall()
        unused = connection.execute(
            f"select reason from ({built.tests['accepted_differences_are_used']}) order by 1"
        ).fetchall()
    assert failed == [("2024-02-02 10:00:00",), ("2024-02-02 10:01:00",), ("2024-02-02 10:02:00",)]
    assert unused == [("another timeframe",), ("nothing differs here",)]


def test_a_broken_line_ends_the_build_with_a_sentence(folder: Path) -> None:
    built = _build(folder, "rest_differs,1m,2024-02-02 10:00,,known,", "rest_differs,1m,yesterday,,known,")
    assert built.exit_code == 1
    assert (
        "accepted_differences, line 2 below the header, column bucket_from: 'yesterday' is not allowed; "
        "it must be a UTC time as 2024-03-31 10:05:00."
    ) in built.output
    assert built.status["check_rest_candles"] == "skipped"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtProject, Path]:
    folder = tmp_path_factory.mktemp("broken")
    path = folder / "warehouse.duckdb"
    with raw.create(path) as connection:
        connection.execute("create schema kraken_staging")
    return DbtProject(folder / "target", path, {}), path


GOOD = {
    "accepted_differences": ["BTC/USD", "1m", "2024-02-02", "2024-02-02 10:00:00.5", "known", "2024-02-02"],
    "accepted_gaps": ["BTC/USD", "2024-02-02", "2024-02-02 10:00", "known", ""],
}
BROKEN = [
    ("accepted_differences", "symbol", "", "is empty; every line needs a symbol."),
    ("accepted_differences", "symbol", " ", "is empty; every line needs a symbol."),
    ("accepted_differences", "timeframe", "2m", "is no known timeframe; known are 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w, 15d."),
    ("accepted_differences", "bucket_from", "2024-02-30", "is not allowed; it must be a UTC time as 2024-03-31 10:05:00."),
    ("accepted_differences", "bucket_from", "", "is not allowed; it must be a UTC time as 2024-03-31 10:05:00."),
    ("accepted_differences", "bucket_from", "2024-02-02 10:00+01", "is not allowed; it must be a UTC time"),
    ("accepted_differences", "bucket_to", "'; drop", "is not allowed; it must be a UTC time as 2024-03-31 10:05:00, or empty"),
    ("accepted_differences", "bucket_to", "2024-02-01", "is not before bucket_to 2024-02-01; bucket_to is exclusive"),
    ("accepted_differences", "reason", "", "is empty; every line needs a reason."),
    ("accepted_differences", "until", "2024-02-02 10:00", "is not allowed; it must be a UTC day as 2024-03-31, or empty for ever."),
    ("accepted_differences", "until", "2023-02-29", "is not allowed; it must be a UTC day as 2024-03-31, or empty for ever."),
    ("accepted_gaps", "symbol", "", "is empty; every line needs a symbol."),
    ("accepted_gaps", "gap_to", "", "is not allowed; it must be a UTC time as 2024-03-31 10:05:00."),
    ("accepted_gaps", "gap_to", "2024-02-02T00:00Z", "is not before gap_to 2024-02-02T00:00Z; gap_to is exclusive"),
    ("accepted_gaps", "until", "never", "is not allowed; it must be a UTC day as 2024-03-31, or empty for ever."),
]  # fmt: skip


def _insert(path: Path, seed: str, values: dict[str, str]) -> None:
    header = (DIFFERENCES if seed == "accepted_differences" else GAPS).strip().split(",")
    row = {**dict(zip(header, GOOD[seed], strict=True)), **values}
    with duckdb.connect(str(path)) as connection:
        columns = ", ".join(f"{name} varchar" for name in header)
        connection.execute(f"create or replace table kraken_staging.{seed} ({columns})")
        connection.execute(
            f"insert into kraken_staging.{seed} values ({', '.join('?' * len(row))})",
            [value or None for value in row.values()],
        )


def test_good_lines_are_read(project: tuple[DbtProject, Path]) -> None:
    dbt, path = project
    for seed in GOOD:
        _insert(path, seed, {})
        dbt.run(path, "--select", f"stg_{seed}")
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select * exclude (until) from kraken_staging.stg_accepted_differences").fetchall()
        gaps = connection.execute("select is_expired from kraken_staging.stg_accepted_gaps").fetchall()
    stamps = [raw.timestamp(raw.ns("2024-02-02 00:00:00")), raw.timestamp(raw.ns("2024-02-02 10:00:00.5"))]
    assert rows == [("BTC/USD", "1m", *stamps, "known", True)]
    assert gaps == [(False,)]


@pytest.mark.parametrize(("seed", "column", "value", "sentence"), BROKEN)
def test_each_broken_line_is_refused(
    project: tuple[DbtProject, Path], seed: str, column: str, value: str, sentence: str
) -> None:
    dbt, path = project
    _insert(path, seed, {column: value})
    with pytest.raises(AssertionError) as refused:
        dbt.run(path, "--select", f"stg_{seed}")
    said = " ".join(str(refused.value).split())
    assert f"{seed}, line 1 below the header" in said
    assert sentence in said


def test_a_missing_column_is_named(project: tuple[DbtProject, Path]) -> None:
    dbt, path = project
    with duckdb.connect(str(path)) as connection:
        connection.execute("create or replace table kraken_staging.accepted_gaps (symbol varchar, gap_from varchar)")
    with pytest.raises(
        AssertionError, match="accepted_gaps has no column gap_to; its columns must be symbol, gap_from, gap_to"
    ):
        dbt.run(path, "--select", "stg_accepted_gaps")
