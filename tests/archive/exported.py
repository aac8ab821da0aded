"""A made-up tape of trades as Kraken would publish it for download: time and sales in both formats, and OHLCVT.

No code of ours makes these texts: prices and volumes stand as they do on the tape, candles come of a plain loop.

    tape = of_tape(random_tape("IDS/USD", chance, 220, 1.0, idless=False))  # or of_feed(feed, "BTC/USD", up_to_ns)
    write_zip(path, {**trades_file("XBTUSD", tape), **candle_files("XBTUSD", cut(tape, to_ns=...))})
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from dlt_pipeline.exchange import Feed, displayed_ns
from tests.dbt_project.tape import PRICE_DECIMALS, VOLUME_DECIMALS, Tape

SECOND: Final = 10**9
FOREVER: Final = 2**62
# The lengths in minutes that Kraken's OHLCVT files have, and our names for them.
MINUTES: Final = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}
QUARTER_HEADER: Final = "Price,Volume,Timestamp,Type,Miscellaneous,Trade ID"  # six names over seven fields


class Traded(NamedTuple):
    """A trade: its time in ns since the epoch, price and volume as text, sides as b/s and m/l; trade_id 0 is none."""

    time_ns: int
    price: str
    volume: str
    side: str = "b"
    order_type: str = "l"
    misc: str = ""
    trade_id: int = 0


class Candle(NamedTuple):
    """A row of an OHLCVT file; bucket_start in seconds since the epoch, volume in the base currency."""

    bucket_start: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int


def of_tape(tape: Tape) -> list[Traded]:
    """Return the trades of a random tape; what they are worth is as TapeClient gives it."""
    return [
        Traded(
            trade.time_ns,
            str(Decimal(trade.price).scaleb(-PRICE_DECIMALS)),
            f"{Decimal(trade.volume).scaleb(-VOLUME_DECIMALS):f}",
            "b" if trade.volume % 2 else "s",
            trade_id=trade.number if trade.has_id else 0,
        )
        for trade in tape.trades
    ]


def of_feed(feed: Feed, symbol: str, up_to_ns: int) -> list[Traded]:
    """Return the local exchange's trades of a market up to `up_to_ns` in its order, with the times that it shows."""
    return [
        Traded(
            displayed_ns(trade),
            trade.price,
            trade.volume,
            trade.side,
            trade.order_type,
            trade.misc,
            trade.trade_id or 0,
        )
        for trade in feed.trades(symbol, up_to_ns)
    ]


def cut(trades: Sequence[Traded], from_ns: int = 0, to_ns: int = FOREVER) -> list[Traded]:
    """Return the trades of [from_ns, to_ns), as a file that is cut there has them; OHLCVT then ends within a bucket."""
    return [trade for trade in trades if from_ns <= trade.time_ns < to_ns]


def candles(trades: Sequence[Traded], minutes: int) -> list[Candle]:
    """Return the truth of the buckets in which something traded, ascending; the order of trades decides open, close."""
    size_ns = minutes * 60 * SECOND
    filled: dict[int, list[Traded]] = {}
    for trade in trades:
        filled.setdefault(trade.time_ns - trade.time_ns % size_ns, []).append(trade)
    return [_candle(start_ns // SECOND, filled[start_ns]) for start_ns in sorted(filled)]


def _candle(bucket_start: int, trades: Sequence[Traded]) -> Candle:
    prices = [trade.price for trade in trades]
    volume = sum((Decimal(trade.volume) for trade in trades), Decimal(0))
    return Candle(
        bucket_start,
        prices[0],
        max(prices, key=Decimal),
        min(prices, key=Decimal),
        prices[-1],
        f"{volume:f}",
        len(trades),
    )


def trades_text(trades: Iterable[Traded]) -> str:
    """Return the time and sales of the whole history: three columns, times cut to the second, no header."""
    return _lines(f"{trade.time_ns // SECOND},{trade.price},{trade.volume}" for trade in trades)


def trades_with_ids_text(trades: Iterable[Traded]) -> str:
    """Return the time and sales of a quarter: its header, seven fields a row; without an id the last one is empty."""
    rows = (
        f"{trade.price},{trade.volume},{seconds_text(trade.time_ns)},{trade.side},{trade.order_type},{trade.misc},"
        f"{trade.trade_id or ''}"
        for trade in trades
    )
    return _lines([QUARTER_HEADER, *rows])


def candles_text(rows: Iterable[Candle]) -> str:
    """Return an OHLCVT file of these candles."""
    return _lines(",".join(str(value) for value in row) for row in rows)


def seconds_text(time_ns: int) -> str:
    """Return a time as seconds with as many decimals as it needs: 1704067200.0000001."""
    whole, fraction = divmod(time_ns, SECOND)
    return f"{whole}.{fraction:09}".rstrip("0").rstrip(".")


def trades_file(altname: str, trades: Iterable[Traded]) -> dict[str, str]:
    """Return the file of the whole history by its name."""
    return {f"{altname}.csv": trades_text(trades)}


def trades_with_ids_file(altname: str, trades: Iterable[Traded]) -> dict[str, str]:
    """Return the file of a quarter by its name."""
    return {f"{altname}.csv": trades_with_ids_text(trades)}


def candle_files(altname: str, trades: Sequence[Traded], minutes: Iterable[int] = tuple(MINUTES)) -> dict[str, str]:
    """Return the OHLCVT files of these lengths by their names, as XBTUSD_60.csv."""
    return {f"{altname}_{length}.csv": candles_text(candles(trades, length)) for length in minutes}


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files below the folder; a name may have folders in it. Returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_bytes(content))
    return folder


def write_zip(path: Path, files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a ZIP of the files in their order. Returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, _bytes(content))
    return path


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()
