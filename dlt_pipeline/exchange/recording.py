"""Reading folders of recorded answers; every number stays the text it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from dlt_pipeline.exchange.errors import RecordingError
from dlt_pipeline.exchange.feed import RecordedCandles
from dlt_pipeline.exchange.json_text import load_json, load_json_file

OHLC_FILE = re.compile(r"ohlc_(\d+)m\.json")


@dataclass(frozen=True)
class RecordedPage:
    """One recorded Trades answer with at least one trade."""

    rows: list[list[Any]]
    last: str | None
    place: str
    """File and line, for messages."""


@dataclass
class Recording:
    """What was found in the folders, by the pair's key."""

    pages: dict[str, list[RecordedPage]] = field(default_factory=dict)
    candles: dict[tuple[str, int], RecordedCandles] = field(default_factory=dict)
    """By key and minutes."""
    listings: dict[str, Any] = field(default_factory=dict)
    assets: dict[str, Any] = field(default_factory=dict)


def read_recording(folders: list[Path]) -> Recording:
    """Read `trades.json` (any name will do), `pages.jsonl`, `ohlc_<x>m.json`, `asset_pairs.json`, `assets.json`.

    Raises RecordingError where a folder is missing, a file is broken, or no folder holds a trade.
    """
    recording = Recording()
    for folder in folders:
        if not folder.is_dir():
            raise RecordingError(f"{folder}: there is no such folder of recorded answers")
        for path in sorted(folder.iterdir()):
            if path.suffix in (".json", ".jsonl"):
                _read_file(path, recording)
    if not recording.pages:
        names = ", ".join(map(str, folders))
        raise RecordingError(f"{names}: no recorded trades; a trades.json or pages.jsonl of Trades answers is needed")
    return recording


def _read_file(path: Path, recording: Recording) -> None:
    try:
        ohlc = OHLC_FILE.fullmatch(path.name)
        if path.name == "asset_pairs.json":
            recording.listings |= load_json_file(path)["result"]
        elif path.name == "assets.json":
            recording.assets |= load_json_file(path)["result"]
        elif ohlc:
            result = load_json_file(path)["result"]
            for key, rows in _by_pair(result):
                recording.candles[key, int(ohlc[1])] = RecordedCandles(rows, int(result["last"]))
        else:
            for place, answer in _answers(path):
                _add_pages(answer, place, recording)
    except (KeyError, TypeError, ValueError) as error:  # a JSON error is a ValueError
        raise RecordingError(f"{path}: not a recorded answer ({type(error).__name__}: {error})") from error


def _answers(path: Path) -> Iterator[tuple[str, Any]]:
    """The answers of a file: one in a .json, one a line in a .jsonl, there as the text `body`."""
    if path.suffix == ".json":
        yield path.name, load_json_file(path)
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            yield f"{path.name}, line {number}", load_json(json.loads(line)["body"])


def _add_pages(answer: Any, place: str, recording: Recording) -> None:
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict):
        return
    for key, rows in _by_pair(result):
        if rows and _is_trade(rows[0]):
            for row in rows:
                _check_row(row, place)
            last = str(result["last"]) if "last" in result else None
            recording.pages.setdefault(key, []).append(RecordedPage(rows, last, place))


def _by_pair(result: dict[str, Any]) -> Iterator[tuple[str, list[list[Any]]]]:
    return ((key, rows) for key, rows in result.items() if isinstance(rows, list))


def _is_trade(row: Any) -> bool:
    return isinstance(row, list) and len(row) in (6, 7) and row[3] in ("b", "s")


def _check_row(row: Any, place: str) -> None:
    """Raise RecordingError where a row cannot be a trade: it would otherwise fail long after, in a request."""
    try:
        usable = _is_trade(row) and all(Decimal(str(number)).is_finite() for number in row[:3])
    except InvalidOperation:
        usable = False
    if not usable:
        raise RecordingError(f"{place}: not a trade: {row}")
