"""One Parquet file: written as a stream with what it says of itself, and asked whether it is the one wanted."""

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from dlt_pipeline.common.exceptions import PublishError
from dlt_pipeline.common.version import program
from dlt_pipeline.publishing.partitions import Partition

PREFIX: Final = "kraken_candles."
_VERSION: Final = f"{PREFIX}file_version"


def write_parquet(path: Path, partition: Partition, rows: pa.RecordBatchReader) -> None:
    """Write a partition's rows in their order; PublishError if they are not as many as `export_partitions` says."""
    written = write_rows(path, rows, _metadata(partition))
    if written != partition.row_count:
        raise PublishError(
            f"export_partitions counts {partition.row_count:,} rows of {partition.key}, exported_candles has "
            f"{written:,}; run `kraken-candles build` so that both are of one state."
        )


def write_rows(path: Path, rows: pa.RecordBatchReader, said: Mapping[str, str]) -> int:
    """Write rows as a stream with what the file says of itself; return how many there were."""
    schema = rows.schema.with_metadata(dict(said))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        written = 0
        for batch in rows:
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
            written += batch.num_rows
    return written


def is_version(path: Path, partition: Partition) -> bool:
    """Tell whether the file at `path` is whole and holds exactly what is wanted of the partition."""
    try:
        footer = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # not there, cut off, or something else
        return False
    said = (footer.metadata or {}).get(_VERSION.encode(), b"").decode(errors="replace")
    return bool(said == partition.version and footer.num_rows == partition.row_count)


def is_ours(path: Path) -> bool:
    """Tell whether a publish wrote the file at `path`, whatever it holds."""
    try:
        return _VERSION.encode() in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def _metadata(partition: Partition) -> dict[str, str]:
    stated = dict(partition.stated)
    stated["version"] = program()
    stated["file_version"] = partition.version
    stated["written_at"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {PREFIX + name: value for name, value in stated.items()}
