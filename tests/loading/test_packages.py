"""dlt's own folder does not grow with every load, and the locks of a load leave nothing behind."""

import tempfile
from pathlib import Path

import pytest

from dlt_pipeline.common.exceptions import WarehouseError, WarehouseLockedError
from dlt_pipeline.exchange import LocalExchange
from dlt_pipeline.warehouse import pipeline
from tests.loading.quick import quick_load


def test_only_the_newest_loaded_packages_are_kept(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_KEPT_PACKAGES", 2)
    found = []
    for _ in range(4):
        quick_load("MINA/GBP")
        storage = pipeline.make_pipeline(warehouse)._get_load_storage()
        found.append(sorted(storage.list_loaded_packages()))
    assert [len(each) for each in found] == [1, 2, 2, 2]
    assert found[3][0] == found[2][1], "the newest stay"


def test_locks_lie_in_a_folder_of_the_user_alone_and_go_with_their_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = pipeline.lock_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    with pipeline.only_load(tmp_path / "warehouse.duckdb"):
        assert len(list(folder.iterdir())) == 2
        again = pipeline.only_load(tmp_path / "warehouse.duckdb")
        with pytest.raises(WarehouseLockedError, match=r"Another load is running \(process \d+\)"), again:
            pass
    assert [*folder.iterdir(), *tmp_path.glob("*.lock"), *(tmp_path / "dlt" / "pipelines").iterdir()] == []
    folder.chmod(0o755)
    with pytest.raises(WarehouseError, match="is not a folder of this user alone"):
        pipeline.lock_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path / "dlt")
    with pytest.raises(WarehouseError, match="is not a folder of this user alone"):
        pipeline.lock_folder()


def test_no_lock_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "a.owner").symlink_to(tmp_path / "mine")
    with pipeline.exclusive_lock(tmp_path / "a", "load", "wait for it"):
        assert (tmp_path / "mine").read_text() == "kept"
    (tmp_path / "b.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic"), pipeline.exclusive_lock(tmp_path / "b", "load", "wait for it"):
        pass
    assert (tmp_path / "mine").read_text() == "kept"
