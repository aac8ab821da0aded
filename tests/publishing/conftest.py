"""A warehouse that was built, and its candles published."""

from pathlib import Path

import pytest

from dlt_pipeline import publish
from tests.publishing.made import Made


@pytest.fixture
def made(tmp_path: Path) -> Made:
    warehouse = Made(tmp_path / "warehouse.duckdb")
    warehouse.build()
    return warehouse


@pytest.fixture
def published(made: Made) -> Made:
    publish(made.path)
    return made
