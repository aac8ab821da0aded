"""The wheel alone, in an empty folder, does what the checkout does: it carries the dbt project."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import ROOT, Place


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("kraken_candles-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


@pytest.mark.long
def test_load_build_and_summary_work_from_the_wheel(
    serve: Callable[..., LocalExchange], site: Path, place: Place
) -> None:
    now = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
    serve(SyntheticFeed(3, Clock(now), days=1), Clock(now))
    wheel = {"PYTHONPATH": str(site)}
    where = subprocess.run(
        [sys.executable, "-c", "from dlt_pipeline.warehouse.dbt import project_folder as f; print(f())"],
        cwd=place.folder,
        env=place.environment(**wheel),
        capture_output=True,
        text=True,
    )
    assert Path(where.stdout.strip()) == site / "dlt_pipeline" / "_project"
    for arguments in (("load", "MINA/GBP", "--start", "2026-11-07"), ("build",), ("summary",)):
        done = place.run(*arguments, **wheel)
        assert done.returncode == 0, done.stdout + done.stderr
    assert place.query("select count(*) > 0 from kraken.candles") == [(True,)]


def test_the_wheel_holds_no_leftovers(site: Path) -> None:
    (wheel,) = site.parent.glob("kraken_candles-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "dlt_pipeline/_project/dbt_project/dbt_project.yml" in names
    assert "dlt_pipeline/_project/dbt_project/queries/resample.sql" in names
    for name in ("report/page.html", "report/page.css", "report/page.js", "cli/own_project/dlt/config.toml"):
        assert f"dlt_pipeline/{name}" in names
    assert not [name for name in names if any(part in name for part in ("target/", "logs/", ".duckdb", "__pycache__"))]
