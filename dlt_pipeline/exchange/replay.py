"""The recorded feed: real answers of Kraken, cut into pages anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from dlt_pipeline.common.exceptions import RecordingError
from dlt_pipeline.exchange.clock import NS, Clock
from dlt_pipeline.exchange.market import (
    Feed,
    Market,
    RecordedCandles,
    build_assets,
    build_listing,
    market_from_listing,
    short_code,
    split_key,
)
from dlt_pipeline.exchange.trade import ExchangeTrade, TradeSeries, load_json, load_json_file, text_to_ns

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


def join_pages(pages: list[RecordedPage]) -> list[ExchangeTrade]:
    """Trades of all pages, ascending, none twice.

    Pages may overlap where trades have ids: what is known by id is dropped. Without ids each page follows the one
    before (they were asked by `last + 1`).
    """
    joined: list[ExchangeTrade] = []
    known: set[int] = set()
    for page in sorted(pages, key=lambda page: text_to_ns(str(page.rows[0][2]))):
        # Id 0 stands for years in which Kraken gave none: it tells nothing apart.
        fresh = [row for row in page.rows if not (len(row) > 6 and row[6] and row[6] in known)]
        known.update(row[6] for row in fresh if len(row) > 6)
        floor = 0
        if joined:
            # A page that overlaps can go on within the nanosecond in which the one before was cut.
            floor = joined[-1].time_ns + (1 if len(fresh) == len(page.rows) else 0)
        joined += _page_trades(page, fresh, floor)
    return joined


def _page_trades(page: RecordedPage, rows: list[list[Any]], floor: int) -> list[ExchangeTrade]:
    """The trades of a page: the last one has exactly `last`, the others what they show, kept in between.

    A time is shown rounded, so it can stand up to half its last digit past `last` or before the page before.
    """
    if not rows:
        return []
    times = [text_to_ns(str(row[2])) for row in rows]
    last = int(page.last) if page.last is not None else max(times[-1], floor)
    times = [min(max(time, floor), last) for time in times]
    times[-1] = last
    return [_trade(row, time) for row, time in zip(rows, times, strict=True)]


def _trade(row: list[Any], time_ns: int) -> ExchangeTrade:
    price, volume, time, side, order_type, misc, *trade_id = row
    return ExchangeTrade(
        trade_id[0] if trade_id else None, time_ns, str(time), str(price), str(volume), side, order_type, misc
    )


class ReplayFeed(Feed):
    """Markets and trades from one or several folders of recorded answers.

    Only pairs with recorded trades are traded; a listing that is missing is derived from the pair's name and prices.
    """

    def __init__(self, *folders: Path | str) -> None:
        """Read the folders; raises RecordingError, in a sentence, where they cannot be replayed."""
        if not folders:
            raise RecordingError("a replay needs at least one folder of recorded answers")
        recording = read_recording([Path(folder) for folder in folders])
        self._candles = recording.candles
        self._series: dict[str, TradeSeries] = {}
        markets = []
        for key, pages in recording.pages.items():
            trades = join_pages(pages)
            self._series[key] = TradeSeries(key)
            self._series[key].extend(trades)
            markets.append(market_from_listing(key, recording.listings.get(key) or derive_listing(key, trades)))
        super().__init__(markets)
        self._assets = {**build_assets(markets), **recording.assets}

    def series(self, market: Market, up_to_ns: int) -> TradeSeries:  # noqa: ARG002  (all of it is there already)
        """The market's whole recording."""
        return self._series[market.key]

    def assets(self) -> dict[str, Any]:
        """Recorded assets, and derived ones where the recording does not name them."""
        return self._assets

    def recorded_candles(self, market: Market, minutes: int) -> RecordedCandles | None:
        """The recorded OHLC answer of this interval, where there is one."""
        return self._candles.get((market.key, minutes))

    def default_clock(self) -> Clock:
        """Frozen one second after the recording's end: the newest trade, or the start of the open OHLC row."""
        ends = [series.times_ns[-1] for series in self._series.values()]
        ends += [recorded.rows[-1][0] * NS for recorded in self._candles.values() if recorded.rows]
        return Clock.at_ns(max(ends) + NS)


def derive_listing(key: str, trades: list[ExchangeTrade]) -> dict[str, Any]:
    """An AssetPairs entry from a pair's key and its prices; raises RecordingError where the name tells no quote.

    The pair's decimals are the most that any price uses: a Trades answer pads prices with zeros.
    """
    base, quote = split_key(key)
    decimals = max(len(trade.price.partition(".")[2].rstrip("0")) for trade in trades)
    return build_listing(f"{short_code(base)}/{short_code(quote)}", base, quote, decimals)
