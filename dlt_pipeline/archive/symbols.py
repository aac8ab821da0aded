"""What to import and of which symbols: by what the user says, by the markets known, or by the file's own name."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When, bounds_ns, widen
from dlt_pipeline.kraken.markets import Market


@dataclass(frozen=True)
class Names:
    """Tells symbols by altnames: `given` by the user, else `listed` by Kraken; both by names in capitals."""

    given: Mapping[str, str]
    listed: Mapping[str, str]

    def symbol_of(self, altname: str) -> str | None:
        """Return the symbol of a file called by this altname, such as BTC/USD for XBTUSD; None if nobody knows."""
        return self.given.get(altname.upper()) or self.listed.get(altname.upper())

    def wants(self, altname: str, symbols: Iterable[str]) -> bool:
        """Tell whether one of the symbols or altnames that the user named means the files of this altname."""
        meant = {name.upper() for name in symbols}
        known = self.symbol_of(altname)
        return altname.upper() in meant or (known is not None and known.upper() in meant)

    def spelt(self, symbol: str) -> str:
        """Return a symbol that the user named as it is stored: an altname becomes its symbol."""
        return self.symbol_of(symbol) or symbol


def listed_names(markets: Iterable[Market]) -> dict[str, str]:
    """Return the symbols of all markets by altname, and by Kraken's other names where these leave no doubt."""
    known = list(markets)
    found: dict[str, str] = {}
    for names in (
        [(market.altname, market.symbol) for market in known],
        [(market.market_id, market.symbol) for market in known],
        [((market.wsname or "").replace("/", ""), market.symbol) for market in known],
        [(market.symbol.replace("/", ""), market.symbol) for market in known],
    ):
        for name, symbol in names:
            if name:
                found.setdefault(name.upper(), symbol)
    return found


def read_symbol_map(path: Path) -> dict[str, str]:
    """Read lines of `altname,symbol` (the header may be there or not) as symbols by altnames in capitals.

    Raises BadInputError that names the line: a file that cannot be read, a line of other than two names, an altname
    that stands twice for different symbols.
    """
    if path.exists() and not path.is_file():
        raise BadInputError(f"The symbol map {path} is no file.")
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"The symbol map {path} cannot be read: {error}.") from None
    found: dict[str, str] = {}
    for line, row in enumerate(rows, start=1):
        fields = [field.strip() for field in row]
        if not any(fields) or (line == 1 and [field.lower() for field in fields] == ["altname", "symbol"]):
            continue
        if len(fields) != 2 or not all(fields):
            raise BadInputError(
                f"Line {line} of the symbol map {path} is {','.join(row)!r}; it must be an altname and a symbol, such "
                "as XBTUSD,BTC/USD."
            )
        altname, symbol = fields[0].upper(), fields[1]
        if found.setdefault(altname, symbol) != symbol:
            raise BadInputError(
                f"Line {line} of the symbol map {path} says {symbol} for {fields[0]}, an earlier line says "
                f"{found[altname]}; leave one of them."
            )
    return found


@dataclass(frozen=True)
class ArchiveRequest:
    """Paths to look into; symbols or altnames wanted (none: all); bounds in ns UTC, half-open; and how to read."""

    paths: tuple[Path, ...]
    symbols: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    symbol_map: Mapping[str, str] = field(default_factory=dict)
    password: str | None = None
    is_whole_days: bool = False


def make_archive_request(
    paths: str | Path | Sequence[str | Path],
    symbols: Sequence[str] | None,
    start: When | None,
    end: When | None,
    symbol_map: str | Path | None,
    password: str | None,
    whole_days: bool,
    exact: bool,
) -> ArchiveRequest:
    """Check what can be without reading an archive; BadInputError says what is wrong."""
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    if not listed:
        raise BadInputError("No archive was named: give a ZIP, a folder or a CSV file.")
    found = tuple(dict.fromkeys(Path(path) for path in listed))
    for path in found:
        if not path.exists():
            raise BadInputError(f"There is no {path}; name a ZIP, a folder or a CSV file of Kraken's downloads.")
    start_ns, end_ns = bounds_ns(start, end) if exact else widen(*bounds_ns(start, end))
    wanted = tuple(dict.fromkeys(name.strip() for name in symbols or ()))
    if not all(wanted):
        raise BadInputError("One of the symbols is empty: name such as BTC/USD or XBTUSD.")
    given = read_symbol_map(Path(symbol_map)) if symbol_map is not None else {}
    return ArchiveRequest(found, wanted, start_ns, end_ns, given, password, whole_days)
