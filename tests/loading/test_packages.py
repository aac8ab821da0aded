"""dlt's own folder does not grow with every load."""

from pathlib import Path

import pytest

from dlt_pipeline import packages
from dlt_pipeline.exchange import LocalExchange
from tests.loading.quick import quick_load


def test_only_the_newest_loaded_packages_are_kept(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "_KEPT_PACKAGES", 2)
    found = []
    for _ in range(4):
        quick_load("MINA/GBP")
        storage = packages.make_pipeline(warehouse)._get_load_storage()
        found.append(sorted(storage.list_loaded_packages()))
    assert [len(each) for each in found] == [1, 2, 2, 2]
    assert found[3][0] == found[2][1], "the newest stay"
