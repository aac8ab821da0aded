"""Seeds of one's own: what they accept is not red; what is expired or unused warns; a broken line ends the build."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import ROOT, Built, build

SEEDS = ROOT / "dbt_project" / "seeds"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with empty seeds, which the next build takes."""
    monkeypatch.setenv("KRAKEN_CANDLES_SEEDS", str(tmp_path / "seeds"))
    shutil.copytree(SEEDS, tmp_path / "seeds")
    return tmp_path


def _build(folder: Path, *differences: str, arguments: Sequence[str] = ()) -> Built:
    header = (SEEDS / "accepted_differences.csv").read_text()
    (folder / "seeds" / "accepted_differences.csv").write_text(header + "\n".join(differences) + "\n")
    path = folder / "warehouse.duckdb"
    if not path.exists():
        with raw.create(path) as connection:
            raw.insert_rule(connection, GOLDEN / "red" / "rest_differs")
    return build(path, folder / "target", *arguments)


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
    lines = ("rest_differs,1m,2024-02-02 10:00,,known,", "rest_differs,1m,yesterday,,known,")
    built = _build(folder, *lines, arguments=("--select", "+check_rest_candles"))
    assert built.exit_code == 1
    assert (
        "accepted_differences, line 2 below the header, column bucket_from: 'yesterday' is not allowed; "
        "it must be a UTC time as 2024-03-31 10:05:00."
    ) in built.output
    assert built.status["check_rest_candles"] == "skipped"
