"""What can go wrong with the local exchange, one class a cause, each with a sentence that says the way out."""

from dlt_pipeline.common.exceptions import LocalExchangeError


class ExchangeStartError(LocalExchangeError):
    """The server could not begin to listen."""


class RecordingError(LocalExchangeError):
    """A folder of recorded answers is missing, broken, or holds nothing that can be replayed."""


class UnknownMarketError(LocalExchangeError):
    """A feed was asked for a market that it does not have."""


class KrakenError(Exception):
    """An answer in Kraken's own words, such as `EQuery:Unknown asset pair`; sent with HTTP 200, as Kraken does."""


INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
RATE_LIMIT_EXCEEDED = "EAPI:Rate limit exceeded"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNKNOWN_ASSET_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_METHOD = "EGeneral:Unknown method"
