"""What `status` says of packages that stand in dlt's folder, and where that folder is."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.pipeline.exceptions import PipelineStepFailed

from dlt_pipeline import kraken_source
from dlt_pipeline.cli.status import PIPELINES, look, pipelines_folder
from dlt_pipeline.exchange import LocalExchange
from dlt_pipeline.warehouse.pipeline import Warehouse, only_load
from tests.loading.quick import quick_load


def told(warehouse: Path) -> list[str]:
    return [problem for problem in look(warehouse).problems if problem.startswith("dlt packages")]


def test_packages_that_wait_or_failed_are_told_until_a_load_or_dlt_clears_them(
    exchange: LocalExchange, warehouse: Path
) -> None:
    quick_load("MINA/GBP")
    assert told(warehouse) == []
    cut_off = Warehouse(warehouse).pipeline(())
    cut_off.extract(kraken_source(["MINA/GBP"], "2026-11-06", timeframes=[]))
    assert [each.state for each in look(warehouse).dlt_packages] == ["extracted"]
    cut_off.normalize()
    assert [each.state for each in look(warehouse).dlt_packages] == ["normalized"]
    (said,) = told(warehouse)
    assert "cut off" in said
    with only_load(warehouse):
        assert told(warehouse) == [], "they belong to a load that runs"
        assert len(look(warehouse).loading_processes) == 1
    assert told(warehouse.with_name("another.duckdb")) == []
    quick_load("MINA/GBP")
    assert told(warehouse) == []
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table kraken_raw.markets drop column altname")
        connection.execute("alter table kraken_raw.markets add column altname integer")
    with pytest.raises(PipelineStepFailed):
        quick_load("MINA/GBP")
    (said,) = told(warehouse)
    assert "dlt packages failed" in said
    (way_out,) = (words for words in said.split("`") if words.startswith("dlt -y"))
    program, *arguments = way_out.split()
    subprocess.run([Path(sys.executable).with_name(program), *arguments], check=True, capture_output=True)
    assert told(warehouse) == []


def test_dlts_folder_and_pipelines_are_those_that_dlt_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Warehouse(tmp_path / "warehouse.duckdb")
    assert [*PIPELINES] == [place.pipeline_name(()), place.pipeline_name(None)]
    assert str(pipelines_folder()) == get_dlt_pipelines_dir()
    monkeypatch.delenv("DLT_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    for user in (0, 1000):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        assert str(pipelines_folder()) == get_dlt_pipelines_dir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert str(pipelines_folder()) == get_dlt_pipelines_dir()
