"""A warehouse that was built, and its candles published."""

import os
from pathlib import Path

import pytest

from dlt_pipeline import publish
from tests.publishing.made import Made


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish asks it some 70 times to write what it holds; no test takes the power away."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    warehouse = Made(tmp_path / "warehouse.duckdb")
    warehouse.build()
    return warehouse


@pytest.fixture
def published(made: Made) -> Made:
    publish(made.path)
    return made
