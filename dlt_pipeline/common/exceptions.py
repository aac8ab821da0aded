"""The errors a user can meet: each is one sentence with the fact, the place and the way out."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class KrakenCandlesError(Exception):
    """Base of every error that this project raises on purpose; its text is meant for the user.

    `may_pass` says whether the same command may do when it is run again, nothing else changed than the outside.
    """

    may_pass: ClassVar[bool] = False


class BadInputError(KrakenCandlesError):
    """What the user asked for makes no sense: a date that is none, an end before its start."""


class UnknownSymbolError(KrakenCandlesError):
    """The exchange does not list the symbol."""


class ExchangeError(KrakenCandlesError):
    """The exchange refused a call, and asking again would not help."""


class TransientExchangeError(ExchangeError):
    """The exchange could not answer just now; asking again later helps."""

    may_pass = True


class RateLimitError(TransientExchangeError):
    """The exchange asks for a slower pace; `wait_until` is Unix seconds where it said until when."""

    def __init__(self, message: str, wait_until: float | None = None) -> None:
        """Keep the moment (Unix seconds) until which the exchange asked to wait."""
        super().__init__(message)
        self.wait_until = wait_until


class NoConnectionError(TransientExchangeError):
    """Nothing answers at the exchange's address."""


class StreamEndedError(TransientExchangeError):
    """The connection that tells of new trades is gone; it is opened again by itself."""


class BadAnswerError(ExchangeError):
    """The answer is not what Kraken documents: shape, pair, type, order or range.

    `since_ns` (ns, UTC) is what the page of trades was asked from, `timeframe` that of an answer of candles.
    """

    since_ns: int | None = None
    timeframe: str | None = None


class InexactValueError(BadAnswerError):
    """A price or volume does not fit DECIMAL(38, 12) and would have to be rounded."""


class StalledCursorError(ExchangeError):
    """A full page holds nothing new: the exchange cannot be read past this point."""


class BrokenChainError(ExchangeError):
    """Trades without ids that were there before no longer come back: the seam cannot be proven."""


class WarehouseError(KrakenCandlesError):
    """The warehouse cannot be used as it is."""


class WarehousePathError(WarehouseError, BadInputError):
    """No warehouse can lie at the path that was named, or be called so."""


class WarehouseLockedError(WarehouseError):
    """Another process holds the warehouse or is loading into it; `holder` says which one, where DuckDB knows it."""

    may_pass = True
    holder: str = "another process"


class WarehouseTooNewError(WarehouseError):
    """A newer version of this program, or of DuckDB, wrote the warehouse."""


class WrongWarehouseError(WarehouseError):
    """The warehouse holds trades of another exchange (live and local do not mix), or only shows those of a lake."""


class NothingLoadedError(WarehouseError):
    """There are no loaded trades to build candles from."""


class NothingBuiltError(WarehouseError):
    """The warehouse does not have the tables yet that candles are published from."""


class DiskFullError(WarehouseError):
    """No space is left where the warehouse, dlt's working folder or the exports lie."""

    may_pass = True


class OutOfFilesError(WarehouseError):
    """The process, or the system, has no file descriptor left."""

    may_pass = True


class PublishError(KrakenCandlesError):
    """The Parquet tree or published.duckdb cannot be brought to the warehouse's state."""


class ArchiveError(KrakenCandlesError):
    """A file of Kraken's downloads cannot be imported, or not all of it."""


class DamagedFileError(ArchiveError):
    """A file of Kraken's downloads cannot be read to its end as it was packed."""


class WrongFormatError(ArchiveError):
    """A file is none that Kraken gives for download."""


class LoadStoppedError(KrakenCandlesError):
    """The user stopped the load; what was committed stays."""

    may_pass = True


class LocalExchangeError(KrakenCandlesError):
    """The local exchange cannot do what it was asked."""


class ExchangeStartError(LocalExchangeError):
    """The server of the local exchange could not begin to listen."""


class RecordingError(LocalExchangeError):
    """A folder of recorded answers is missing, broken, or holds nothing that can be replayed."""


class UnknownMarketError(LocalExchangeError):
    """A feed of the local exchange was asked for a market that it does not have."""


def near_symbols(symbol: str, known: Iterable[str]) -> list[str]:
    """Return up to three known symbols that an unknown one may mean, in letters of any size; else the first."""
    named = {name.upper(): name for name in known}
    near = difflib.get_close_matches(symbol.upper(), named, n=3, cutoff=0.5) or list(named)[:3]
    return [named[name] for name in near]
