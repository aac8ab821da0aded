"""Kraken's raw trades as a dlt source, and the commands around it."""

from dlt_pipeline.kraken.source import kraken_source

__all__ = ["kraken_source"]
