"""Rows of several small files put together to one batch a table: dlt's cost is by batch."""

from collections.abc import Mapping

import pyarrow as pa

Batch = dict[str, pa.Table]
"""Rows of one yield, by raw table."""


class Gathered:
    """What was taken in since the last batch."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables: dict[str, list[pa.Table]] = {}
        self.row_count = 0

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Put tables behind those that are there; empty ones are left out."""
        for name, table in tables.items():
            if table.num_rows:
                self._tables.setdefault(name, []).append(table)
                self.row_count += table.num_rows

    def flush(self) -> Batch:
        """Return all of it by table, and begin anew."""
        batch = {
            name: tables[0] if len(tables) == 1 else pa.concat_tables(tables) for name, tables in self._tables.items()
        }
        self._tables, self.row_count = {}, 0
        return batch
