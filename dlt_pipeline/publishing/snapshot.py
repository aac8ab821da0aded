"""A state that was published as a whole, and from which day on each of its partitions has changed since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from dlt_pipeline.publishing.partitions import Column, Key, Partition
from dlt_pipeline.publishing.warehouse_rows import Wanted
from dlt_pipeline.warehouse.database import connect

_KEY: Final = ", ".join(Key._fields)
# By partition the first day whose rows are not what they were, and how many rows there are from it on.
_CHANGED: Final = f"""
    with changed as (
        select {_KEY}, min(coalesce(now.bucket_on, before.bucket_on)) as first_on
        from days_now as now full join days_before as before using ({_KEY}, bucket_on)
        where now.content_hash is distinct from before.content_hash
        group by all
    )
    select {_KEY}, first_on, coalesce(sum(row_count), 0)::bigint
    from changed left join days_now using ({_KEY})
    where bucket_on is null or bucket_on >= first_on
    group by all
"""  # noqa: S608 - own names only


@dataclass(frozen=True)
class Base:
    """What was published: its columns, its partitions, and the hash of each of their days."""

    columns: tuple[Column, ...]
    partitions: Mapping[Key, Partition]
    days: pa.Table


@dataclass(frozen=True)
class Changes:
    """From which UTC day on a partition's rows are others than in the base, and how many rows that are in all."""

    first_days: Mapping[Key, date]
    row_count: int


def read_base(wanted: Wanted) -> Base | None:
    """Keep what is published now; None where the warehouse does not tell of days."""
    days = wanted.days()
    return None if days is None else Base(wanted.columns, _by_key(wanted.partitions), days)


def changes_since(base: Base, wanted: Wanted) -> Changes | None:
    """Return what changed since the base; None where it is more than rows: columns, settings, partitions that went."""
    now = read_base(wanted)
    if now is None or now.columns != base.columns or not base.partitions.keys() <= now.partitions.keys():
        return None
    changed = [key for key, partition in now.partitions.items() if _version(base, key) != partition.version]
    if any(key in base.partitions and _settings(base, key) != _settings(now, key) for key in changed):
        return None
    with connect() as connection:
        connection.register("days_now", now.days)
        connection.register("days_before", base.days)
        found = connection.execute(_CHANGED).fetchall()
    first_days = {Key(*values[:4]): values[4] for values in found}
    if set(changed) - first_days.keys():
        return None  # the file is another one although its days are the same
    return Changes(first_days, sum(values[5] for values in found))


def _by_key(partitions: Sequence[Partition]) -> dict[Key, Partition]:
    return {partition.key: partition for partition in partitions}


def _version(state: Base, key: Key) -> str:
    return state.partitions[key].version if key in state.partitions else ""


def _settings(state: Base, key: Key) -> dict[str, str]:
    stated = state.partitions[key].stated
    return {name: value for name, value in stated.items() if name not in ("row_count", "content_hash")}
