"""`python -m dlt_pipeline` is the command `kraken-candles`."""

from dlt_pipeline.cli import process

process()
