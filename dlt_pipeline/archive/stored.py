"""What the warehouse says before an import: the files it has, and its markets, for which else the exchange is asked."""

import hashlib
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dlt_pipeline.archive.reader import Begun
from dlt_pipeline.archive.symbols import Names, listed_names
from dlt_pipeline.common.exceptions import ExchangeError, LoadStoppedError
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import KrakenSettings, exchange_kind

_COMPLETE: Final = "inner join {_dlt_loads} as l on t._dlt_load_id = l.load_id and l.status = 0"
_MARKETS: Final = (
    "select symbol, market_id, altname, wsname, base, quote, price_decimals, volume_decimals, status from {markets} "
    "order by symbol"
)
# A file that a newer one replaced has no parts any more: it is held by that one, as long as this one counts.
_IS_HELD: Final = (
    "(t.row_count = 0 or t.edition_id in (select edition_id from {archive_parts}) or exists ("
    "select 1 from {archive_files} as n where n.edition_id in (select edition_id from {archive_parts}) "
    "and n.symbol = t.symbol and n.format = t.format and n.timeframe is not distinct from t.timeframe "
    "and n.covered_from_ns <= t.covered_from_ns and n.covered_to_ns >= t.covered_to_ns))"
)
_FILES: Final = (
    "select t.edition_id, t.symbol, t.format, t.timeframe, t.row_count, t.refused_count, t.left_out_count, "  # noqa: S608 - own names only
    f"t.base_volume, t.first_time_ns, t.last_time_ns from {{archive_files}} as t {_COMPLETE} where {_IS_HELD}"
)
_UNFINISHED: Final = "t.edition_id not in (select edition_id from {archive_files})"
_BEGUN: Final = (
    "select t.edition_id, max(t.last_row), max(t.next_row), max_by(t.next_byte, t.next_row), "  # noqa: S608 - own names only
    "sum(t.row_count)::bigint, sum(t.base_volume), min_by(t.first_time_ns, t.first_row), "
    "max_by(t.last_time_ns, t.last_row), min_by(t.covered_from_ns, t.first_row), max_by(t.covered_to_ns, t.last_row) "
    f"from {{archive_parts}} as t {_COMPLETE} where {_UNFINISHED} group by t.edition_id"
)
_REFUSED: Final = (
    "select t.edition_id, t.row_number from {archive_refused_rows} as t "  # noqa: S608 - own names only
    f"{_COMPLETE} where {_UNFINISHED}"
)


@dataclass(frozen=True)
class StoredFile:
    """A file that was imported to its end; volume in base units, times in ns UTC."""

    edition_id: int
    symbol: str
    format: str
    timeframe: str | None
    row_count: int
    refused_count: int
    left_out_count: int
    base_volume: Any
    first_time_ns: int | None
    last_time_ns: int | None


@dataclass
class Stored:
    """What complete loads brought: markets, the kinds of exchange, finished files, and where begun ones go on."""

    markets: list[Market] = field(default_factory=list)
    exchanges: list[str] = field(default_factory=list)
    files: dict[int, StoredFile] = field(default_factory=dict)
    begun: dict[int, Begun] = field(default_factory=dict)


def read_stored(store: LedgerStore) -> Stored:
    """Read all of it."""
    kinds = store.rows("select distinct exchange from {warehouse_versions} where exchange <> 'none'")
    return Stored(
        markets=[Market(*row) for row in store.rows(_MARKETS)],
        exchanges=[kind for (kind,) in kinds],
        files={row[0]: StoredFile(*row) for row in store.rows(_FILES)},
        begun=_begun(store),
    )


def _begun(store: LedgerStore) -> dict[int, Begun]:
    refused = store.rows(_REFUSED)
    found = {}
    for edition_id, *values in store.rows(_BEGUN):
        next_row = values[1]
        count = sum(edition_id == other and row < next_row for other, row in refused)
        found[edition_id] = Begun(*(*values, count))
    return found


@dataclass(frozen=True)
class FoundNames:
    """The names; the markets asked for now, to be stored; and why nobody could be asked, or not of all."""

    names: Names
    asked: tuple[Market, ...] = ()
    trouble: str | None = None


def find_names(
    stored: Stored,
    altnames: Collection[str],
    given: Mapping[str, str],
    settings: KrakenSettings,
    stop: threading.Event,
) -> FoundNames:
    """Return what tells the symbols of these altnames; the exchange is asked only if the warehouse has no markets.

    It is asked for tokenised assets, too, where an altname is not that of a currency's market. An exchange that cannot
    be reached is no error: files are then imported under their altnames. Raises
    LoadStoppedError if the user stopped it meanwhile.
    """
    if stored.markets or all(name.upper() in given for name in altnames):
        return FoundNames(Names(given, listed_names(stored.markets)))
    kind = exchange_kind(settings.base_url)
    if any(other != kind for other in stored.exchanges):
        trouble = f"the warehouse is of a {stored.exchanges[0]} exchange, and {settings.base_url} is a {kind} one"
        return FoundNames(Names(given, {}), trouble=trouble)
    session = Session(settings, stop)
    try:
        session.open(Request({}, ()))
    except LoadStoppedError:
        raise
    except ExchangeError as error:
        return FoundNames(Names(given, {}), trouble=str(error).rstrip("."))
    listed, second_trouble = listed_names(session.markets), None
    if any(name.upper() not in {**listed, **given} for name in altnames):
        try:
            session.list_tokenized()
        except ExchangeError as error:
            second_trouble = str(error).rstrip(".")
    return FoundNames(Names(given, listed_names(session.markets)), tuple(session.markets), second_trouble)


def edition_id_of(
    symbol: str,
    kind: tuple[str, str | None],
    crc32: int,
    size_bytes: int,
    bounds: tuple[int | None, int | None],
    is_whole_days: bool,
) -> int:
    """Return a positive number of 62 bits; `kind` is format and timeframe, `bounds` in ns UTC.

    The same file asked for in the same way has the same number, and a ZIP's directory is enough to tell it.
    """
    text = repr((symbol, *kind, crc32, size_bytes, *bounds, is_whole_days))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
    return number or 1
