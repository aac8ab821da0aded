"""What readers open beside the writers: the Parquet tree and published.duckdb, both made from the warehouse."""

from dlt_pipeline.publishing.publisher import Published, publish

__all__ = ["Published", "publish"]
