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


def _build(folder: Path, *differences: str, symbols: Sequence[str] = (), arguments: Sequence[str] = ()) -> Built:
    """Build with these lines; Kraken's candles of each symbol differ as those of the rule rest_differs."""
    header = (SEEDS / "accepted_differences.csv").read_text()
    (folder / "seeds" / "accepted_differences.csv").write_text(header + "\n".join(differences) + "\n")
    path = folder / "warehouse.duckdb"
    with raw.create(path) as connection:
        for symbol in symbols:
            raw.insert_rule(connection, shutil.copytree(GOLDEN / "red" / "rest_differs", folder / symbol))
    return build(path, folder / "target", *arguments)


def test_what_is_accepted_is_not_red_what_is_expired_or_unused_warns(folder: Path) -> None:
    built = _build(
        folder,
        "accepted,1m,2024-02-02T10:00:00Z,2024-02-02 10:03,Kraken's backend of that day,2999-12-31",
        "accepted,1m,2024-02-02 10:03:00,,one bucket,",
        "expired,1m,2024-02-02 10:00:00,2024-02-02 10:03:00,until Kraken mends it,2024-03-01",
        "expired,1m,2024-02-02 10:03:00,2024-02-02 10:04:00,used,",
        "expired,1m,2024-02-02 10:04:00,2024-02-02 11:00:00,nothing differs here,",
        "expired,5m,2024-02-02 10:00:00,2024-02-02 11:00:00,another timeframe,",
        symbols=("accepted", "expired"),
    )
    assert built.exit_code == 1
    assert {name: status for name, status in built.status.items() if status not in {"success", "pass"}} == {
        "candles_equal_krakens": "fail",
        "accepted_lines_are_used": "warn",
    }, built.output
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        ask = connection.execute
        rows = ask(
            "select distinct status, is_accepted, accepted_reason, bucket_start >= '2024-02-02 10:03:00' "
            "from kraken.check_rest_candles where symbol = 'accepted' order by all"
        ).fetchall()
        days = ask("select symbol, differs_count, accepted_count from kraken.check_rest_summary order by 1").fetchall()
        failed = ask(
            f"select distinct symbol, bucket_start::varchar from ({built.tests['candles_equal_krakens']}) order by all"
        ).fetchall()
        lines = ask(
            f"select broken_rule, reason from ({built.tests['accepted_lines_are_used']}) order by all"
        ).fetchall()
    assert rows == [
        ("differs", True, "Kraken's backend of that day", False),
        ("differs", True, "one bucket", True),
        ("identical", False, None, False),
        ("identical", False, None, True),
    ]
    assert days == [("accepted", 4, 4), ("expired", 4, 1)]
    assert failed == [("expired", f"2024-02-02 10:0{minute}:00") for minute in range(3)]
    assert lines == [
        ("accepted_differences: expired", "until Kraken mends it"),
        ("accepted_differences: unused", "another timeframe"),
        ("accepted_differences: unused", "nothing differs here"),
    ]


@pytest.mark.long
def test_a_broken_line_ends_the_build_with_a_sentence(folder: Path) -> None:
    """As test_accepted_lines.py shows of each kind of line, but as the seeds' file, and with what depends on it."""
    lines = ("rest_differs,1m,2024-02-02 10:00,,known,", "rest_differs,1m,yesterday,,known,")
    selected = ("accepted_differences", "stg_accepted_differences", "check_rest_candles")
    built = _build(folder, *lines, arguments=("--select", *selected))
    assert built.exit_code == 1
    assert (
        "accepted_differences, line 2 below the header, column bucket_from: 'yesterday' is not allowed; "
        "it must be a UTC time as 2024-03-31 10:05:00."
    ) in built.output
    assert built.status["check_rest_candles"] == "skipped"
