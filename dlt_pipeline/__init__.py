"""Kraken's raw trades as a dlt source, and the commands around it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlt_pipeline.building import build as build
    from dlt_pipeline.jobs.repair import repair as repair
    from dlt_pipeline.kraken.source import kraken_source as kraken_source
    from dlt_pipeline.loading import load as load
    from dlt_pipeline.publishing import publish as publish

_HOMES = {
    "build": "dlt_pipeline.building",
    "kraken_source": "dlt_pipeline.kraken.source",
    "load": "dlt_pipeline.loading",
    "publish": "dlt_pipeline.publishing",
    "repair": "dlt_pipeline.jobs.repair",
}
__all__ = ["build", "kraken_source", "load", "publish", "repair"]


def __getattr__(name: str) -> Any:
    """Import dlt, ccxt and dbt only when they are wanted: they take seconds."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
