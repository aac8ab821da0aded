"""Kraken's raw trades as a dlt source, and the commands around it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlt_pipeline.archive.importing import import_archives as import_archives
    from dlt_pipeline.archive.source import archive_source as archive_source
    from dlt_pipeline.estimates.estimate import estimate as estimate
    from dlt_pipeline.estimates.estimate import price_of as price_of
    from dlt_pipeline.estimates.plan import plan as plan
    from dlt_pipeline.following import follow as follow
    from dlt_pipeline.interchange.compare import compare as compare
    from dlt_pipeline.interchange.export import export as export
    from dlt_pipeline.jobs.build import apply_retention as apply_retention
    from dlt_pipeline.jobs.build import build as build
    from dlt_pipeline.jobs.job import Options as Options
    from dlt_pipeline.jobs.queue import add_jobs as add_jobs
    from dlt_pipeline.jobs.queue import cancel_jobs as cancel_jobs
    from dlt_pipeline.jobs.queue import list_jobs as list_jobs
    from dlt_pipeline.jobs.queue import make_job as make_job
    from dlt_pipeline.jobs.queue import retry_jobs as retry_jobs
    from dlt_pipeline.jobs.repair import repair as repair
    from dlt_pipeline.jobs.runner import rebuild as rebuild
    from dlt_pipeline.jobs.runner import run_jobs as run_jobs
    from dlt_pipeline.kraken.load import load as load
    from dlt_pipeline.kraken.source import kraken_source as kraken_source
    from dlt_pipeline.publishing import publish as publish
    from dlt_pipeline.publishing.reading import bars as bars
    from dlt_pipeline.publishing.reading import candles as candles
    from dlt_pipeline.publishing.reading import coverage as coverage
    from dlt_pipeline.publishing.reading import gaps as gaps
    from dlt_pipeline.publishing.reading import trades as trades
    from dlt_pipeline.repairs.supersede import supersede as supersede

_HOMES = {
    "Options": "dlt_pipeline.jobs.job",
    "add_jobs": "dlt_pipeline.jobs.queue",
    "apply_retention": "dlt_pipeline.jobs.build",
    "archive_source": "dlt_pipeline.archive.source",
    "bars": "dlt_pipeline.publishing.reading",
    "build": "dlt_pipeline.jobs.build",
    "cancel_jobs": "dlt_pipeline.jobs.queue",
    "candles": "dlt_pipeline.publishing.reading",
    "compare": "dlt_pipeline.interchange.compare",
    "coverage": "dlt_pipeline.publishing.reading",
    "estimate": "dlt_pipeline.estimates.estimate",
    "export": "dlt_pipeline.interchange.export",
    "follow": "dlt_pipeline.following",
    "gaps": "dlt_pipeline.publishing.reading",
    "import_archives": "dlt_pipeline.archive.importing",
    "kraken_source": "dlt_pipeline.kraken.source",
    "list_jobs": "dlt_pipeline.jobs.queue",
    "load": "dlt_pipeline.kraken.load",
    "make_job": "dlt_pipeline.jobs.queue",
    "plan": "dlt_pipeline.estimates.plan",
    "price_of": "dlt_pipeline.estimates.estimate",
    "publish": "dlt_pipeline.publishing",
    "rebuild": "dlt_pipeline.jobs.runner",
    "repair": "dlt_pipeline.jobs.repair",
    "retry_jobs": "dlt_pipeline.jobs.queue",
    "run_jobs": "dlt_pipeline.jobs.runner",
    "supersede": "dlt_pipeline.repairs.supersede",
    "trades": "dlt_pipeline.publishing.reading",
}
__all__ = [
    "Options",
    "add_jobs",
    "apply_retention",
    "archive_source",
    "bars",
    "build",
    "cancel_jobs",
    "candles",
    "compare",
    "coverage",
    "estimate",
    "export",
    "follow",
    "gaps",
    "import_archives",
    "kraken_source",
    "list_jobs",
    "load",
    "make_job",
    "plan",
    "price_of",
    "publish",
    "rebuild",
    "repair",
    "retry_jobs",
    "run_jobs",
    "supersede",
    "trades",
]


def __getattr__(name: str) -> Any:
    """Import dlt, ccxt and dbt only when they are wanted: they take seconds."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return import_module("dlt_pipeline.common").number()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
