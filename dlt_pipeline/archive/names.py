"""The markets that tell what a file's altname means: the warehouse's, or else the exchange's, asked once."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dlt_pipeline.archive.stored import Stored
from dlt_pipeline.archive.symbols import Names, listed_names
from dlt_pipeline.common.exceptions import ExchangeError, LoadStoppedError
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import KrakenSettings
from dlt_pipeline.kraken.source import exchange_kind


@dataclass(frozen=True)
class FoundNames:
    """The names; the markets asked for now, to be stored; and why nobody could be asked."""

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

    An exchange that cannot be reached is no error: files are then imported under their altnames. Raises
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
    return FoundNames(Names(given, listed_names(session.markets)), tuple(session.markets))
