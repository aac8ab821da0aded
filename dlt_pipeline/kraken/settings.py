"""Every pace, limit and margin of a load, each with its reason; dlt config section `sources.kraken`."""

import math
import os
import re
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError

_Settings = TypeVar("_Settings", bound=BaseConfiguration)
_LOGIN: Final = re.compile(r"//[^/\s]*@")

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MICROSECOND: Final = 1_000

# Kraken's own timeframes: name -> seconds. Its OHLC endpoint knows these nine and no others.
REST_TIMEFRAMES: Final[dict[str, int]] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "4h": 14_400,
    "1d": 86_400,
    "1w": 604_800,
    "15d": 1_296_000,
}
# It answers the newest so many of a timeframe, of which the last one is still open.
REST_CANDLES: Final = 720

# A page's `last` is exact, but where only the displayed time is known the true one can differ:
# old answers show 4 decimals (50 µs either way), new ones a float64 rounded to 7 (0.2 µs).
DISPLAY_REWIND_NS: Final = 100_000
# A trade displayed at a bound may have happened this much before it.
START_REWIND_NS: Final = 1_000_000
# A range begins with the trade before its start, whose id proves the first one. So far back it is looked for first,
# in the range's own first page; and where no trade is that near, so far back in turn, then from the pair's first on.
HEAD_REWIND_NS: Final = 60 * NS_PER_SECOND
FURTHER_REWINDS_NS: Final = tuple(hours * 3_600 * NS_PER_SECOND for hours in (1, 24 * 4, 24 * 128))
# More than this between neighbours is no swap of two trades. Seams of what is loaded are proven anew so far.
STEP_BACK_LIMIT_NS: Final = 1_000_000
# Kraken has answered trades slightly before a fractional `since`; more than this is another range.
SINCE_TOLERANCE_NS: Final = NS_PER_SECOND
# The exchange's own servers may differ by so much; a trade later than that has a wrong stamp.
FUTURE_TOLERANCE_NS: Final = 60 * NS_PER_SECOND


# Where requests looks, where curl does, and where OpenSSL does.
_CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_LIMITS: Final[dict[str, tuple[float, float]]] = {
    "seconds_per_call": (0, 3_600),
    "slowest_seconds_per_call": (0, 3_600),
    "slowdown_factor": (1, 100),
    "recovery_calls": (1, 100_000),
    "page_size": (2, 1000),
    "chunk_pages": (1, 100_000),
    "chunk_seconds": (0, 86_400),
    "batch_trades": (1, 10_000_000),
    "head_margin_seconds": (0, 86_400),
    "hole_retries": (0, 100),
    "step_back_microseconds": (0, STEP_BACK_LIMIT_NS // NS_PER_MICROSECOND),
    "retry_attempts": (1, 1_000),
    "retry_max_seconds": (0, 3_600),
    "first_contact_attempts": (1, 1_000),
    "longest_wait_seconds": (0, 86_400),
    "timeout_seconds": (1, 3_600),
    "longest_call_seconds": (1, 3_600),
    "stream_silence_seconds": (2, 3_600),
    "stream_gather_seconds": (0, 3_600),
    "stream_retry_max_seconds": (0, 3_600),
    "stream_quiet_seconds": (1, 86_400),
    "stream_record_seconds": (0, 86_400),
}


@configspec
class KrakenSettings(BaseConfiguration):
    """Settings of the source; `SOURCES__KRAKEN__<NAME>` in the environment or `[sources.kraken]` in config.toml."""

    base_url: str = "https://api.kraken.com"
    # One call a second is documented as safe: for each pair's Trades and OHLC, and for all other calls together.
    seconds_per_call: float = 1.0
    # A rate-limit answer doubles the seconds between that symbol's calls. Users who met bans went to 3.1 s: two
    # answers reach it, and past 20 s a slower pace helps less than to report what goes on.
    slowdown_factor: float = 2.0
    slowest_seconds_per_call: float = 20.0
    # 20 calls that pass bring the pace a quarter back: a limit that is just met shows itself sooner than that.
    recovery_calls: int = 20
    # The most that Kraken gives in one answer.
    page_size: int = 1000
    # A chunk is what a kill can cost: 200 pages are 3 minutes and 20 seconds at the default pace.
    chunk_pages: int = 200
    chunk_seconds: float = 300.0
    # dlt is fastest with Arrow batches of 100,000 rows and more.
    batch_trades: int = 100_000
    # Trades may show up late: silence is believed only up to this long before the exchange's clock.
    head_margin_seconds: float = 5.0
    # A hole in the ids, or a wrong answer, may be one lagging backend: ask so many times more before believing it.
    hole_retries: int = 2
    # A trade may be stamped before the one with the id before it: a microsecond was seen, and the four decimals of old
    # answers show that as a hundred. Twice as much is kept as it is; a page that steps back further is wrong.
    step_back_microseconds: float = 200.0
    # 8 tries with doubling pauses up to 30 s ride out about two minutes of trouble.
    retry_attempts: int = 8
    retry_max_seconds: float = 30.0
    # Before anything has begun, say soon that nobody answers.
    first_contact_attempts: int = 3
    # A temporary lockout that asks for more than this is reported instead of waited for.
    longest_wait_seconds: float = 900.0
    timeout_seconds: float = 30.0
    # An answer that only drips breaks no time-out. All pairs are 1 MB, which takes a slow line half a minute.
    longest_call_seconds: float = 60.0
    # The WebSocket v2 that tells of new trades; empty: the one that belongs to base_url.
    stream_url: str = ""
    # A heartbeat comes about once a second: after ten of them a connection that says nothing is dead.
    stream_silence_seconds: float = 10.0
    # Trades nearer to now than head_margin_seconds are in no candle yet: so long may others join them in one load.
    stream_gather_seconds: float = 5.0
    # Pauses between tries to connect double from 1 s up to this.
    stream_retry_max_seconds: float = 60.0
    # Only REST proves that a pair was quiet: each is asked at least this often, news or none.
    stream_quiet_seconds: float = 300.0
    # A connection can last for days; what was heard is proven and recorded in pieces of this length.
    stream_record_seconds: float = 300.0


def load_settings(**explicit: object) -> KrakenSettings:
    """Resolve the settings from dlt's config; arguments that are not None win. BadInputError if impossible."""
    given = {name: value for name, value in explicit.items() if value is not None}
    settings = resolved(KrakenSettings(), "sources", "kraken", limits=_LIMITS, given=given)
    settings.base_url = settings.base_url.rstrip("/")
    _check(settings)
    return settings


def step_back_ns(settings: KrakenSettings) -> int:
    """Return how far a trade's time may lie below those of lower ids, in ns."""
    return int(settings.step_back_microseconds * NS_PER_MICROSECOND)


def resolved(
    settings: _Settings,
    *sections: str,
    limits: Mapping[str, tuple[float, float]],
    given: Mapping[str, object] | None = None,
) -> _Settings:
    """Resolve settings from dlt's config; what is `given` wins.

    BadInputError names one that cannot be, or lies outside of its lowest and highest value; that may be infinite.
    """
    for name, value in os.environ.items():
        # Python takes the digits of every script, and a reader might take them for others.
        if name.startswith("SOURCES__") and not value.isascii() and any(letter.isdigit() for letter in value):
            raise BadInputError(f"{name} is {value!r}; write its digits as 0 to 9.")
    try:
        found = resolve_configuration(settings, sections=sections, explicit_value=dict(given or {}) or None)
    except ConfigurationException as error:
        reason = without_password(str(error).splitlines()[0])
        raise BadInputError(f"A setting in {'.'.join(sections)} cannot be used: {reason}") from error
    for name, (lowest, highest) in limits.items():
        value = getattr(found, name)
        if not (lowest <= value <= highest and value < math.inf):
            bounds = f"lie between {lowest} and {highest}" if highest < math.inf else f"be a number from {lowest}"
            raise BadInputError(f"{'.'.join(sections)}.{name} is {value}; it must {bounds}.")
    return found


def without_password(text: str) -> str:
    """Return a URL, or a text with URLs in it, as it may be shown: without who logs in and by what."""
    return _LOGIN.sub("//***@", text)


def _check(settings: KrakenSettings) -> None:
    """Refuse what could prove too much or never end."""
    address = _parsed("base_url", settings.base_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise BadInputError(
            f"sources.kraken.base_url is {without_password(settings.base_url)!r}; it must begin with https:// or http://."
        )
    if address.scheme == "https":
        trusted()


def _parsed(name: str, url: str) -> SplitResult:
    """Return the parts of an address; BadInputError, without a word of it, where a password could hide in others."""
    try:
        address = urlsplit(url)
        is_clean = address.port != 0 and not (address.query or address.fragment or "@" in address.path)
    except ValueError:
        is_clean = False
    if not is_clean or any(letter.isspace() for letter in url):
        raise BadInputError(
            f"sources.kraken.{name} is no plain address, such as https://name:password@host/path, without ? and #; "
            "in a password write / as %2F, ? as %3F, # as %23, @ as %40."
        )
    return address


def stream_address(settings: KrakenSettings) -> str:
    """Return the WebSocket v2 address of the exchange; BadInputError where it cannot be told from base_url."""
    url, base = settings.stream_url, urlsplit(settings.base_url)
    if not url and settings.base_url == KrakenSettings.base_url:
        url = "wss://ws.kraken.com/v2"
    elif not url and is_local(settings.base_url):
        url = f"{'wss' if base.scheme == 'https' else 'ws'}://{base.netloc}/v2"
    elif not url:
        raise BadInputError(
            f"The stream that belongs to {without_password(settings.base_url)} is not known: set "
            "sources.kraken.stream_url, such as wss://ws.kraken.com/v2."
        )
    address = _parsed("stream_url", url)
    if address.scheme not in ("ws", "wss") or not address.hostname or not address.path.endswith("/v2"):
        raise BadInputError(
            f"sources.kraken.stream_url is {without_password(url)!r}; it must begin with wss:// or ws:// and end with "
            "/v2, the version of Kraken's protocol that has trade ids."
        )
    return url


def certificates() -> tuple[str, ...]:
    """Return the files or folders of trusted certificates that the environment names, each once."""
    return tuple(dict.fromkeys(os.environ[name] for name in _CERTIFICATES if os.environ.get(name)))


def trusted() -> ssl.SSLContext | None:
    """Return what trusts all `certificates`, None where there are none; BadInputError for what holds none."""
    return _trusting(certificates())


@cache
def _trusting(places: tuple[str, ...]) -> ssl.SSLContext | None:
    if not places:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for place in places:
        is_folder = Path(place).is_dir()
        try:
            context.load_verify_locations(cafile=None if is_folder else place, capath=place if is_folder else None)
        except OSError as error:  # an SSLError is one
            named = " and ".join(name for name in _CERTIFICATES if os.environ.get(name) == place)
            raise BadInputError(
                f"{named} is {place!r}, where no certificates can be read ({error.strerror}); correct it."
            ) from error
    return context


def is_local(base_url: str) -> bool:
    """Whether an address is this machine's loopback."""
    host = urlsplit(base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def exchange_kind(base_url: str) -> str:
    """Return `local` for an exchange on this machine's loopback, else `live`: the two never share a warehouse."""
    return "local" if is_local(base_url) else "live"
