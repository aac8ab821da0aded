"""Reads a file in a test as an import does, all of it or from where an import was cut off."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import reduce
from pathlib import Path
from typing import Any

from dlt_pipeline.archive.members import Member, find_members
from dlt_pipeline.archive.reader import Begun, ParsedBlock, Reading, read_parts
from dlt_pipeline.archive.work import ImportSettings

TABLE_OF = {"trades": "archive_trades", "trades_with_ids": "trades", "candles": "archive_candles"}
EVERYTHING = (None, None)
EXACTLY = Context(prec=80)


def member_of(path: Path, name: str | None = None, password: str | None = None) -> Member:
    """Return the one member (of that name) of a file; there must be no problem with it."""
    found = find_members([path], ImportSettings(), password)
    (member,) = [one for one in found if name is None or one.name == name]
    assert isinstance(member, Member), member
    return member


@dataclass
class Plan:
    """What Reading needs, less the part ids."""

    format: str
    timeframe: str | None = None
    bounds: tuple[int | None, int | None] = EVERYTHING
    is_whole_days: bool = False
    block_bytes: int = 1 << 20
    most_refused_rows: int = 10_000
    begun: Begun | None = None


def read(member: Member, plan: Plan) -> list[ParsedBlock]:
    """Read it to its end."""
    reading = Reading(
        "BTC/USD",
        plan.format,
        plan.timeframe,
        7,
        plan.bounds,
        plan.is_whole_days,
        plan.begun,
        itertools.count(1).__next__,
        plan.most_refused_rows,
        plan.block_bytes,
    )
    return list(read_parts(member, reading))


@dataclass
class Brought:
    """Rows by raw table, in the order in which they came."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def brought(taken: Sequence[ParsedBlock], format_: str) -> Brought:
    """Put together what reading yielded."""

    def rows(table: str) -> list[dict[str, Any]]:
        return [row for one in taken if table in one.tables for row in one.tables[table].to_pylist()]

    return Brought(rows(TABLE_OF[format_]), rows("archive_parts"), rows("archive_refused_rows"), rows("archive_files"))


def total(volumes: Iterable[Decimal | str]) -> Decimal:
    """Return the exact sum."""
    return reduce(EXACTLY.add, map(Decimal, volumes), Decimal(0))


def begun_by(committed: Brought) -> Begun | None:
    """Return what an import makes of the parts that were committed (see stored.py), None where there are none."""
    parts = committed.parts
    if not parts:
        return None
    first, last = min(parts, key=lambda part: part["first_row"]), max(parts, key=lambda part: part["last_row"])
    next_row = max(part["next_row"] for part in parts)
    return Begun(
        last_row=last["last_row"],
        next_row=next_row,
        next_byte=max(parts, key=lambda part: part["next_row"])["next_byte"],
        row_count=sum(part["row_count"] for part in parts),
        base_volume=total(part["base_volume"] for part in parts),
        first_time_ns=first["first_time_ns"],
        last_time_ns=last["last_time_ns"],
        covered_from_ns=first["covered_from_ns"],
        covered_to_ns=last["covered_to_ns"],
        refused_count=sum(row["row_number"] < next_row for row in committed.refused),
    )
