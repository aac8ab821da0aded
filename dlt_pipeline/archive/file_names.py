"""Which market, and which length of candles, a file is of, as its name says. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

# Kraken's altnames: XBTUSD, 1INCHEUR, ETH2.SEUR. A date is none.
_NAME: Final = r"[A-Z0-9.]*[A-Z][A-Z0-9.]*"
_ALTNAME: Final = re.compile(_NAME)
_CANDLES: Final = re.compile(rf"({_NAME})_([0-9]{{1,4}})")
_DATED: Final = re.compile(rf"({_NAME})[-_ ](?:[0-9]{{4}}|Q[1-4])(?![0-9]).*")
_DATE: Final = re.compile(r"[0-9Q][-_ .0-9Q]*")
# What browsers and systems put behind the name of a second copy.
_COPY: Final = re.compile(r"[-_ ]?\([0-9]{1,4}\)$")
_PACKED: Final = re.compile(r"\.(?:GZ|ZST)")
_SHORTEST: Final = 4
_LONGEST: Final = 30

TIMEFRAMES: Final = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}
"""The lengths in minutes that OHLCVT files have, and our names for them."""


def called(parts: Sequence[str]) -> tuple[str | None, int | None]:
    """Return the altname and the minutes of an OHLCVT file, each None where the path does not say it.

    `parts` are the folders and the name of the file: XBTUSD.csv, XBTUSD_60.csv.gz, XBTUSD-2024-01 (1).csv. A file that
    is called by a date alone is of the market that its folder names: BCHEUR/2023-01-01.csv.
    """
    name = PurePosixPath(parts[-1].upper())
    stem = PurePosixPath(name.stem).stem if _PACKED.fullmatch(name.suffix) else name.stem
    stem = _COPY.sub("", stem)
    candles = _CANDLES.fullmatch(stem)
    if candles and int(candles[2]) in TIMEFRAMES and _is_altname(candles[1]):
        return candles[1], int(candles[2])
    dated = _DATED.fullmatch(stem)
    folder = parts[-2].upper() if _DATE.fullmatch(stem) and len(parts) > 1 else ""
    for called_so in (stem, dated[1] if dated else "", folder):
        if _is_altname(called_so):
            return called_so, None
    return None, None


def _is_altname(name: str) -> bool:
    return (
        len(name) >= _SHORTEST
        and len(name) <= _LONGEST
        and not name.startswith(".")
        and _ALTNAME.fullmatch(name) is not None
    )
