"""Answers gathered to Arrow batches: trades, ledger and holes together, so that one commit holds them all."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dlt_pipeline.kraken.arrow import to_table
from dlt_pipeline.kraken.symbol_load import Taken

Batch = dict[str, pa.Table]
"""Rows of one yield, by raw table."""


class Gathered:
    """What was taken in since the last batch."""

    def __init__(self) -> None:
        """Begin empty."""
        self._trades: list[pa.Table] = []
        self._rows: dict[str, list[Mapping[str, Any]]] = {}
        self.trade_count = 0

    @property
    def has_any(self) -> bool:
        """Whether anything was taken in."""
        return any(self._rows.values())

    def add(self, taken: Taken) -> None:
        """Put one answer behind the others."""
        if taken.trades is not None:
            self._trades.append(taken.trades)
            self.trade_count += taken.trades.num_rows
        for table, rows in taken.rows.items():
            self._rows.setdefault(table, []).extend(rows)

    def flush(self) -> Batch:
        """Return all of it by table, and begin anew."""
        batch = {table: to_table(table, rows) for table, rows in self._rows.items() if rows}
        if self._trades:
            batch["trades"] = pa.concat_tables(self._trades).combine_chunks()
        self._trades, self._rows, self.trade_count = [], {}, 0
        return batch
