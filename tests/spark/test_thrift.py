"""The target of a cluster that runs already: its Thrift server computes as exactly as a session, or is refused."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dbt_project.dbt_run import ROOT
from tests.spark.cluster import thrift_server
from tests.spark.engines import copy_project

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
PRECISION = "allowPrecisionLoss"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with thrift_server(tmp_path_factory.mktemp("thrift")) as found:
        yield found


def dbt(folder: Path, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "profiles.yml").exists() or (folder / "profiles.yml").write_text((ROOT / "profiles.yml").read_text())
    places = ("--project-dir", folder / "project", "--profiles-dir", folder, "--target-path", folder / "target")
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), *map(str, arguments), "--target", "spark_thrift", *map(str, places)],
        cwd=folder,
        env={**os.environ, "KRAKEN_CANDLES_SPARK_PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_products_are_exact_and_without_the_setting_nothing_is_built(tmp_path: Path, port: int) -> None:
    copy_project(tmp_path / "project")
    done = dbt(tmp_path, port, "build", "--select", "+exact_products")
    assert "PASS exact_products::a_product_keeps_all_its_decimals" in done.stdout, done.stdout
    assert "ERROR=0" in done.stdout
    profile = tmp_path / "profiles.yml"
    lines = profile.read_text().splitlines()
    profile.write_text("\n".join(line for line in lines if PRECISION not in line))
    done = dbt(tmp_path, port, "build", "--select", "+exact_products")
    assert done.returncode != 0
    assert "This Spark cuts products of decimals to decimal(38,6), and no volume would be exact" in done.stdout
    assert "exact_products ." not in done.stdout
