"""Steps in which Kraken's official downloads are imported, as the importer would leave them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.kraken.raw_tables import DECIMAL, SCHEMAS
from tests.dbt_project import raw
from tests.dbt_project.random_loads import World
from tests.dbt_project.raw_warehouse import Package, arrive
from tests.dbt_project.tape import DAY, HOUR, PRICE_DECIMALS, SECOND, START, VOLUME_DECIMALS, Trade


@dataclass
class Edition:
    """A file without ids that was imported: what it covers, in ns, less the seconds around refused rows."""

    symbol: str
    covered: tuple[int, int]
    spans: list[tuple[int, int]] = field(default_factory=list)
    refused: int = 0


def archive(world: World, chance: random.Random) -> None:
    """A file without ids of a stretch of time; some of its rows may be refused."""
    symbol, trades = _some(world, chance)
    if not trades:
        return
    refused = set(chance.sample(range(len(trades)), min(len(trades) - 1, chance.choice([0, 0, 0, 1, 2]))))
    package = _package(world)
    edition = _without_ids(package, world, symbol, trades, refused, chance)
    if chance.random() < 0.15:
        tables = chance.choice([("archive_trades",), ("archive_trades", "archive_parts", "archive_files")])
        world.tell(f"import {package.load_id} is cut off after {', '.join(tables)}")
        arrive(world.path, package, tables)
        world.reach["import cut off for good"] += 1
        return
    world.tell(
        f"import {package.load_id} of {symbol} {[raw.timestamp(ns) for ns in edition.covered]}, {len(refused)} refused"
    )
    _count(world, edition, refused)
    world.editions.append(edition)
    world.finish(package)


def quarter(world: World, chance: random.Random) -> None:
    """A file with ids of a stretch of time."""
    symbol, trades = _some(world, chance)
    if not any(trade.has_id for trade in trades):
        return
    package = _package(world)
    _with_ids(package, world, symbol, trades, chance)
    world.tell(f"import {package.load_id} of {symbol} with ids, {trades[0].number} to {trades[-1].number}")
    world.reach["import of a file with ids"] += 1
    world.finish(package)


def _some(world: World, chance: random.Random) -> tuple[str, list[Trade]]:
    """A symbol and its trades of a stretch: from the beginning or a midnight to anywhere, often by what is known."""
    symbol = chance.choice(sorted(world.tapes))
    edges = [edge for part in world.ranges(symbol) for edge in (part.from_ns, part.to_ns)]
    midnights = range(START // DAY * DAY, world.now_ns, DAY)
    starts = [START, START, *chance.sample(midnights, min(3, len(midnights))), *edges]
    from_ns = chance.choice(starts) + chance.choice([0, 0, -3 * HOUR, 2 * HOUR, SECOND])
    to_ns = chance.choice([*midnights, *edges, world.now_ns]) + chance.choice([0, 0, HOUR, -HOUR, 7 * SECOND])
    whole = [second * SECOND for second in (from_ns // SECOND, to_ns // SECOND)]  # Kraken cuts at whole seconds
    return symbol, world.tapes[symbol].between(whole[0], min(whole[1], world.now_ns // SECOND * SECOND))


def _package(world: World) -> Package:
    world.loads += 1
    return Package(f"{world.now_ns // SECOND}.{world.loads:04}")


def _count(world: World, edition: Edition, refused: set[int]) -> None:
    world.reach["import of a file without ids"] += 1
    world.reach["import with refused rows"] += bool(refused)
    from_ns, to_ns = edition.covered
    known = world.ranges(edition.symbol)
    world.reach["import that meets answers within a day"] += any(
        part.from_ns < to_ns < part.to_ns or part.from_ns < from_ns < part.to_ns for part in known
    )
    older = [other for other in world.editions if other.symbol == edition.symbol]
    world.reach["import that replaces an older file"] += any(
        from_ns <= other.covered[0] and other.covered[1] <= to_ns for other in older
    )
    world.reach["import that overlaps another file"] += any(
        from_ns < other.covered[1] and other.covered[0] < to_ns for other in older
    )


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    schema = (SCHEMAS | ARCHIVE_SCHEMAS)[name]
    columns = []
    for kind in schema:
        values = [row[kind.name] for row in rows]
        if kind.type == DECIMAL:
            columns.append(pa.array(values, pa.string()).cast(DECIMAL))
        else:
            columns.append(pa.array(values, kind.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _money(units: int, decimals: int) -> str:
    return f"{Decimal(units).scaleb(-decimals):f}"


def _cut(numbers: Sequence[int], chance: random.Random) -> list[list[int]]:
    """Unbroken runs of row numbers, cut at random places and where a row is missing."""
    borders = [0, *(at for at, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1 or chance.random() < 0.1)]
    return [list(numbers[a:b]) for a, b in zip(borders, [*borders[1:], len(numbers)], strict=True)]


def _part(
    world: World, file: dict[str, Any], rows: dict[int, Trade], run: Sequence[int], **more: Any
) -> dict[str, Any]:
    ids = [rows[number].number for number in run if rows[number].has_id and file["format"] == "trades_with_ids"]
    world.stamps += 1
    return file | {
        "part_id": world.stamps,
        "first_row": run[0],
        "last_row": run[-1],
        "row_count": len(run),
        "idless_count": len(run) - len(ids),
        "base_volume": _money(sum(rows[number].volume for number in run), VOLUME_DECIMALS),
        "first_trade_id": min(ids, default=None),
        "last_trade_id": max(ids, default=None),
        "next_row": run[-1] + 1,
        "next_byte": 0,
        "taken_at": world.stamp(),
        **more,
    }


def _file(world: World, symbol: str, kind: str) -> dict[str, Any]:
    world.stamps += 1
    return {"edition_id": world.stamps, "symbol": symbol, "format": kind, "timeframe": None}


def _files_row(world: World, file: dict[str, Any], parts: Sequence[dict[str, Any]], refused: int) -> dict[str, Any]:
    return file | {
        "altname": file["symbol"],
        "archive": "a.zip",
        "member": "m.csv",
        "size_bytes": 1,
        "crc32": 1,
        "content_hash": str(file["edition_id"]),
        "row_count": sum(part["row_count"] for part in parts),
        "refused_count": refused,
        "left_out_count": 0,
        "base_volume": f"{sum(Decimal(part['base_volume']) for part in parts):f}",
        "first_time_ns": parts[0]["first_time_ns"],
        "last_time_ns": parts[-1]["last_time_ns"],
        "wanted_from_ns": None,
        "wanted_to_ns": None,
        "covered_from_ns": parts[0]["covered_from_ns"],
        "covered_to_ns": parts[-1]["covered_to_ns"],
        "is_ascending": True,
        "is_whole_days": False,
        "imported_at": world.stamp(),
    }


def _without_ids(
    package: Package, world: World, symbol: str, trades: Sequence[Trade], refused: set[int], chance: random.Random
) -> Edition:
    file = _file(world, symbol, "trades")
    rows = {number: trade for number, trade in enumerate(trades, 1) if number - 1 not in refused}
    seconds = {number: trade.time_ns // SECOND * SECOND for number, trade in rows.items()}
    parts, reached = [], -1
    runs = _cut(sorted(rows), chance)
    for place, run in enumerate(runs):
        is_end = place == len(runs) - 1
        breaks_off = not is_end and runs[place + 1][0] != run[-1] + 1
        first, last = seconds[run[0]], seconds[run[-1]]
        starts_anew = run[0] != (runs[place - 1][-1] + 1 if place else 1)
        from_ns = first + SECOND if starts_anew else first if reached < 0 else reached
        ends_whole = is_end and run[-1] == len(trades)
        to_ns = last + SECOND if ends_whole else last
        reached = to_ns if not breaks_off else -1
        bounds = {"first_time_ns": first, "last_time_ns": last, "covered_from_ns": from_ns, "covered_to_ns": to_ns}
        part = _part(world, file, rows, run, **bounds)
        parts.append(part)
        package.add("archive_trades", _table("archive_trades", [_row(part, rows[n], n) for n in run]))
    package.add("archive_parts", _table("archive_parts", parts))
    if refused:
        bad = [_refused(world, file, number + 1) for number in sorted(refused)]
        package.add("archive_refused_rows", _table("archive_refused_rows", bad))
    whole = _files_row(world, file, parts, len(refused))
    package.add("archive_files", _table("archive_files", [whole]))
    spans = [(part["covered_from_ns"], part["covered_to_ns"]) for part in parts]
    return Edition(symbol, (whole["covered_from_ns"], whole["covered_to_ns"]), spans, len(refused))


def _row(part: dict[str, Any], trade: Trade, number: int) -> dict[str, Any]:
    return part | {
        "row_number": number,
        "time_ns": trade.time_ns // SECOND * SECOND,
        "traded_on": raw.timestamp(trade.time_ns).date(),
        "price": _money(trade.price, PRICE_DECIMALS),
        "volume": _money(trade.volume, VOLUME_DECIMALS),
    }


def _refused(world: World, file: dict[str, Any], number: int) -> dict[str, Any]:
    texts = {"archive": "a.zip", "member": "m.csv", "reason": "broken", "line": "?"}
    return file | texts | {"row_number": number, "line_number": number, "refused_at": world.stamp()}


def _with_ids(package: Package, world: World, symbol: str, trades: Sequence[Trade], chance: random.Random) -> None:
    file = _file(world, symbol, "trades_with_ids")
    rows = dict(enumerate(trades, 1))
    places: dict[int, int] = {}
    listed, after = [], 0
    for trade in trades:
        after = trade.number if trade.has_id else after
        if not trade.has_id:
            places[trade.time_ns] = places.get(trade.time_ns, 0) + 1
        listed.append(
            {
                "symbol": symbol,
                "trade_id": trade.number if trade.has_id else 0,
                "idless_time_ns": 0 if trade.has_id else trade.time_ns,
                "place": 0 if trade.has_id else places[trade.time_ns],
                "after_trade_id": 0 if trade.has_id else after,
                "time_ns": trade.time_ns,
                "traded_at": raw.timestamp(trade.time_ns),
                "traded_on": raw.timestamp(trade.time_ns).date(),
                "price": _money(trade.price, PRICE_DECIMALS),
                "volume": _money(trade.volume, VOLUME_DECIMALS),
                "side": "buy" if trade.is_buy else "sell",
                "order_type": "limit",
                "misc": "",
                "more_items": None,
            }
        )
    package.add("trades", _table("trades", listed))
    parts: list[dict[str, Any]] = []
    runs = _cut(sorted(rows), chance)
    for run in runs:
        first, last = rows[run[0]].time_ns, rows[run[-1]].time_ns
        from_ns = parts[-1]["covered_to_ns"] if parts else first
        to_ns = last + 1 if run is runs[-1] else last
        bounds = {"first_time_ns": first, "last_time_ns": last, "covered_from_ns": from_ns, "covered_to_ns": to_ns}
        parts.append(_part(world, file, rows, run, **bounds))
    package.add("archive_parts", _table("archive_parts", parts))
    package.add("archive_files", _table("archive_files", [_files_row(world, file, parts, 0)]))


def current_spans(editions: Sequence[Edition], symbol: str) -> list[tuple[int, int]]:
    """What the files that count cover: of two the later one takes the place of the one that it holds.

    Unless more of its rows were refused.
    """
    mine = [edition for edition in editions if edition.symbol == symbol]
    current = [
        edition
        for number, edition in enumerate(mine)
        if not any(
            newer.covered[0] <= edition.covered[0]
            and edition.covered[1] <= newer.covered[1]
            and newer.refused <= edition.refused
            for newer in mine[number + 1 :]
        )
    ]
    return [span for edition in current for span in edition.spans if span[0] < span[1]]
