"""The project and the CI of docs/: a repository with nothing but those files does what it says there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlt_pipeline.warehouse.dbt import project_folder
from tests.conftest import ROOT, Place
from tests.pages import TEXT
from tests.test_readme import free_port


def file(name: str) -> str:
    """The block of the pages that begins with the name of its file."""
    (text,) = re.findall(rf"```(?:yaml|sql)\n(?:#|--) {re.escape(name)}\n(.*?)```", TEXT, re.S)
    return str(text)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return dict(yaml.safe_load(file(".github/workflows/candles.yml"))["jobs"]["candles"])


def git_repository(folder: Path) -> Path:
    """A repository whose branch `main` has this checkout's dbt project, as it lies here."""
    left_out = shutil.ignore_patterns("target", "logs", "dbt_packages")
    shutil.copytree(project_folder() / "dbt_project", folder / "dbt_project", ignore=left_out)
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-qm", "dbt project")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, workflow: dict[str, Any]) -> tuple[Place, str]:
    """The pages' repository after its workflow ran; the wheel is this checkout, and the port another."""
    place = Place(tmp_path_factory.mktemp("repository"))
    (place.folder / "models").mkdir()
    for name in ("packages.yml", "dbt_project.yml", "profiles.yml", "models/two_hours.sql"):
        (place.folder / name).write_text(file(name))
    packages = place.folder / "packages.yml"
    clone = git_repository(tmp_path_factory.mktemp("git"))
    packages.write_text(packages.read_text().replace("https://your.git.host/kraken-candles.git", clone.as_uri()))
    bin_folder = place.folder / "bin"
    bin_folder.mkdir()
    for command, code in (("kraken-candles", "-m dlt_pipeline"), ("dbt", "-c 'from dbt.cli.main import cli; cli()'")):
        (bin_folder / command).write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
        (bin_folder / command).chmod(0o755)
    install, script = [step["run"] for step in workflow["steps"] if "run" in step]
    assert install == "pip install wheels/kraken_candles-*.whl"
    port = str(free_port())
    environment = place.environment(
        **{name: value.replace("8080", port) for name, value in workflow["env"].items()},
        DLT_DATA_DIR=str(place.folder / "dlt"),
        PATH=f"{bin_folder}:{os.environ['PATH']}",
        PYTHONPATH=str(ROOT),
    )
    environment.pop("KRAKEN_CANDLES_WAREHOUSE", None)
    # The runner ends what a step left behind.
    script = "trap 'kill %1' EXIT\n" + script.replace("8080", port)
    done = subprocess.run(
        ["bash", "-ec", script], cwd=place.folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place, done.stdout


@pytest.mark.long
def test_the_workflow_is_green(repository: tuple[Place, str]) -> None:
    place, said = repository
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0", said)
    assert "PASS freshness of kraken_raw._dlt_loads" in said
    assert place.query("select count(*) > 0 from analytics_market.candles where is_empty and close is not null") == [
        (True,)
    ]


@pytest.mark.long
def test_the_model_of_the_page_has_candles_of_two_hours(repository: tuple[Place, str]) -> None:
    place, _ = repository
    two_hours, hours = (
        place.query(f"select sum(trade_count), sum(quote_volume) from {table} where {condition}")
        for table, condition in (
            ("analytics.two_hours", "is_closed"),
            (
                "analytics_market.candles as hours",
                "timeframe = '1h' and exists (from analytics.two_hours as made where made.is_closed and made.symbol = "
                "hours.symbol and hours.bucket_start >= made.bucket_start and hours.bucket_start < made.bucket_end)",
            ),
        )
    )
    assert two_hours == hours
    assert two_hours[0][0] > 0


def test_the_variables_of_the_pages_are_those_of_the_project() -> None:
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())
    defaults = project["vars"]["kraken_candles"]
    rows = dict(re.findall(r"^\| `(kraken_candles_\w+)` \| (.*?) \|", TEXT, re.M))
    assert list(rows) == sorted(rows, key=list(defaults).index)
    assert set(rows) == set(defaults)
    for name, shown in rows.items():
        if name == "kraken_candles_timeframes":
            assert shown.split() == [timeframe["name"] for timeframe in defaults[name]]
        else:
            assert yaml.safe_load(shown.strip("`")) == defaults[name]


def test_the_package_is_where_the_page_says(tmp_path: Path) -> None:
    (command,) = re.findall(r"`python -c \"(.*?)\"`\s+prints", TEXT, re.S)
    shown = subprocess.run([sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (Path(shown.stdout.strip()) / "dbt_project.yml").is_file()
