"""What to import, as the user asked for it; what makes no sense is refused before anything is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlt_pipeline.archive.symbol_map import read_symbol_map
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When, show_ns, to_ns, widen


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
    start_ns = None if start is None else to_ns(start, "The start")
    end_ns = None if end is None else to_ns(end, "The end")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise BadInputError(f"The end {show_ns(end_ns)} does not lie after the start {show_ns(start_ns)} (UTC).")
    if not exact:
        start_ns = None if start_ns is None else widen(start_ns, None)[0]
        end_ns = None if end_ns is None else widen(0, end_ns)[1]
    wanted = tuple(dict.fromkeys(name.strip() for name in symbols or ()))
    if not all(wanted):
        raise BadInputError("One of the symbols is empty: name such as BTC/USD or XBTUSD.")
    given = read_symbol_map(Path(symbol_map)) if symbol_map is not None else {}
    return ArchiveRequest(found, wanted, start_ns, end_ns, given, password, whole_days)
