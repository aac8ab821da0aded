"""The only place that asks Kraken's REST API: text numbers, own pace, retries."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
from requests.adapters import HTTPAdapter

from dlt_pipeline.common.exceptions import (
    BadAnswerError,
    ExchangeError,
    LoadStoppedError,
    RateLimitError,
    TransientExchangeError,
)
from dlt_pipeline.common.threads import Stop, within
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.kraken.answers import (
    RestSnapshot,
    TradePage,
    check_integer,
    check_page,
    check_snapshot,
    plain_answer,
    time_flaw,
)
from dlt_pipeline.kraken.ccxt_part import import_alone, translate
from dlt_pipeline.kraken.markets import TOKENIZED, Listed, Market, add_tokenized, check_listing, list_markets
from dlt_pipeline.kraken.pace import Pace, pace_of
from dlt_pipeline.kraken.settings import (
    FUTURE_TOLERANCE_NS,
    NS_PER_SECOND,
    REST_TIMEFRAMES,
    KrakenSettings,
    certificates,
    step_back_ns,
    trusted,
    without_password,
)

_T = TypeVar("_T")
_kraken, _errors = import_alone("kraken", "base.errors")
_log = logging.getLogger("dlt_pipeline.kraken")
_requests = logging.getLogger("dlt_pipeline.requests")  # a line of DEBUG for each
_ENVIRONMENT_SECONDS = 30.0
_PLAIN = re.compile(r"[\w.:/+-]+", re.ASCII)


def decode_exactly(text: str) -> Any:
    """Decode JSON with every number kept as the text it was sent as.

    ValueError for what is not JSON, RecursionError for what is nested too deep to be an answer.
    """

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not a number")

    return json.loads(text, parse_float=str, parse_int=str, parse_constant=refuse)


class _Adapter(HTTPAdapter):
    """requests' adapter, which trusts all certificates that the environment names, SSL_CERT_FILE too."""

    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        super().init_poolmanager(*given, ssl_context=trusted(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=trusted(), **options)


class _Session(requests.Session):
    """requests' session, which trusts the certificates of the environment alone where it names any.

    It looks through the environment for proxies twice a minute, where requests does so twice a request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mount("https://", _Adapter())
        self._merged: dict[Any, tuple[float, Any]] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        asked = (urlsplit(url)[:2], stream, verify, cert)
        until, merged = self._merged.get(asked, (0.0, None))
        if proxies or time.monotonic() >= until:
            merged = super().merge_environment_settings(url, proxies, stream, verify, cert)
            if merged["verify"] is True and certificates():
                merged["verify"] = certificates()[0]
            if not proxies:
                self._merged[asked] = (time.monotonic() + _ENVIRONMENT_SECONDS, merged)
        return dict(merged)


class _TextKraken(_kraken.kraken):  # type: ignore[misc, name-defined]
    """ccxt's client with exact decoding: its own turns numbers into floats, wrong for 7-decimal times.

    `wait_for_turn` is called before every request with its method and pair: ccxt may make two for one call of ours.
    `bounded` makes the request itself, and may give it up. `status` is the HTTP code of the last answer, None where
    none came, `seconds` how long it took without the wait for its turn.
    """

    wait_for_turn: Callable[[str, str], None]
    bounded: Callable[[Callable[[], Any]], Any]
    status: int | None = None
    seconds: float = 0

    def fetch2(self, path: str, api: Any, method: str, params: dict[str, Any], config: dict[str, Any]) -> Any:
        self.wait_for_turn(path, str(params.get("pair", "")))
        return super().fetch2(path, api, method, params, config)

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self.status, began = None, time.monotonic()
        try:
            return self.bounded(lambda: super(_TextKraken, self).fetch(url, method, headers, body))
        except TimeoutError:
            raise _errors.RequestTimeout(f"no whole answer to {method} {url}") from None
        finally:
            self.seconds = time.monotonic() - began

    def on_rest_response(self, code: int, *answer: Any) -> Any:
        self.status = code
        return super().on_rest_response(code, *answer)

    def parse_json(self, http_response: str) -> Any:
        try:
            return plain_answer(http_response) or decode_exactly(http_response)
        except (ValueError, RecursionError):
            return None


class KrakenClient:
    """Public calls, each at its pair's pace. A client is not for several threads at once, so take one a symbol."""

    def __init__(
        self,
        settings: KrakenSettings,
        stop: Stop | None = None,
        clock: tuple[int, float] | None = None,
    ) -> None:
        """Prepare a client; nothing is asked yet. Setting `stop` ends waits and retries with LoadStoppedError.

        `clock` is the exchange's time (ns) and our monotonic time (s) of asking for it, where another client knows it.
        """
        self._settings = settings
        self.stop: Stop = stop or threading.Event()
        self._attempts = settings.retry_attempts
        self._ccxt = self._connection()
        self._pace: Pace | None = None
        self.clock = clock
        self.calls = 0
        self._assets: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connection; the next call opens one anew."""
        self._ccxt.session.close()

    def _connection(self) -> _TextKraken:
        connection = _TextKraken(
            {
                "enableRateLimit": False,  # the pace is ours: see pace.py
                "session": _Session(),
                "timeout": int(self._settings.timeout_seconds * 1000),
                "urls": {"api": {"public": self._settings.base_url}},
            }
        )
        connection.wait_for_turn = self._wait_for_turn
        connection.bounded = self._bounded
        return connection

    def _bounded(self, ask: Callable[[], Any]) -> Any:
        """Make one request within the total limit; one that is given up keeps its connection, the next has another."""
        try:
            return within(ask, self._settings.longest_call_seconds, self.stop)
        except (TimeoutError, LoadStoppedError):
            self._ccxt = self._connection()
            raise

    def first_contact(self) -> int:
        """Ask the exchange's time (ns) with few retries, so that no network is said soon."""
        self._attempts = self._settings.first_contact_attempts
        try:
            return self.server_time_ns()
        finally:
            self._attempts = self._settings.retry_attempts

    def server_time_ns(self) -> int:
        """Ask Kraken's clock: ns since the epoch, to the second."""

        def check(body: Any) -> int:
            result = body.get("result") if isinstance(body, dict) else None
            seconds = result.get("unixtime") if isinstance(result, dict) else None
            now = check_integer(seconds, "the time", "Time")
            if flaw := time_flaw(now):
                raise BadAnswerError(f"Time: the exchange's time {now} {flaw}.")
            return now * NS_PER_SECOND

        asked = time.monotonic()
        now = self._call("Time", "Time", {}, check)
        self.clock = (now, asked)
        return now

    def markets(self) -> Listed:
        """Ask for all pairs of currencies, and the names of what is traded, and return what there is to ask for."""
        assets = self._assets = self._call("Assets", "Assets", {}, lambda body: check_listing(body, "Assets"))

        def check(body: Any) -> Listed:
            return list_markets(self._ccxt, assets, check_listing(body, "AssetPairs"))

        return self._call("AssetPairs", "AssetPairs", {}, check)

    def tokenized(self, listed: Listed) -> Listed:
        """Ask for the tokenised assets, which Kraken lists apart, and return them beside what `markets` returned."""
        return self._call(
            "AssetPairs",
            "AssetPairs",
            {"aclass_base": TOKENIZED},
            lambda body: add_tokenized(self._ccxt, self._assets, body, listed),
        )

    def system_status(self) -> str | None:
        """Ask, once, what the exchange says of itself, such as online or maintenance; None where no answer tells."""

        def check(body: Any) -> str:
            result = body.get("result") if isinstance(body, dict) else None
            status = result.get("status") if isinstance(result, dict) else None
            if not isinstance(status, str) or not _PLAIN.fullmatch(status):
                raise BadAnswerError(f"SystemStatus: {str(body)[:60]!r} tells no status.")
            return status

        self._attempts = 1
        try:
            return self._call("SystemStatus", "SystemStatus", {}, check)
        except (ExchangeError, LoadStoppedError) as error:
            _log.debug("%s", error)
            return None
        finally:
            self._attempts = self._settings.retry_attempts

    def trades(self, market: Market, since: int | None, count: int) -> TradePage:
        """Ask one page of trades of `market` from `since` (ns; None: the newest), `count` at most, strictly checked."""
        where = f"{market.symbol}: Trades since {since}"
        bound_ns = step_back_ns(self._settings)
        params: dict[str, Any] = {"pair": market.market_id, "count": count, **market.class_params}
        if since is not None:
            params["since"] = str(since)

        def check(body: Any) -> TradePage:
            return check_page(body, market.market_id, since, count, self._answered_ns(), where, bound_ns)

        try:
            return self._call(where, "Trades", params, check)
        except BadAnswerError as error:
            error.since_ns = since
            raise

    def rest_candles(self, market: Market, timeframe: str) -> RestSnapshot:
        """Ask Kraken's own committed candles of a timeframe, at most 720 of them."""
        seconds = REST_TIMEFRAMES[timeframe]
        where = f"{market.symbol}: OHLC {timeframe}"
        params = {"pair": market.market_id, "interval": seconds // 60, **market.class_params}

        def check(body: Any) -> RestSnapshot:
            return check_snapshot(body, market.market_id, timeframe, seconds, where)

        try:
            return self._call(where, "OHLC", params, check)
        except BadAnswerError as error:
            error.timeframe = timeframe
            raise

    def _answered_ns(self) -> int:
        """Return the exchange's own time of its last answer: its Date header, else its clock when last asked.

        A Date that leaves that clock, run on by ours, is believed only where the clock, asked anew, agrees: this
        machine may have slept. TransientExchangeError where it does not.
        """
        text = (self._ccxt.last_response_headers or {}).get("Date")
        try:
            shown = int(parsedate_to_datetime(text).timestamp()) * NS_PER_SECOND if text else None
        except ValueError:
            _log.debug("unreadable Date header %r", text)
            shown = None
        if shown is None or self.clock is None:
            return shown or self._run_on_ns(self._settings.longest_call_seconds)
        if abs(shown - self._run_on_ns()) > FUTURE_TOLERANCE_NS:
            connection, pace = self._ccxt, self._pace
            asked = connection.status, connection.seconds
            try:
                now = self.server_time_ns()
            finally:
                self._pace = pace
                connection.status, connection.seconds = asked
            if abs(shown - now) > FUTURE_TOLERANCE_NS:
                raise TransientExchangeError(
                    f"{without_password(self._settings.base_url)} dates its answer {show_ns(shown)}, but its clock "
                    f"says {show_ns(now)} (UTC); nothing of this answer was kept."
                )
        return shown

    def _run_on_ns(self, less_seconds: float = 0) -> int:
        """Return the exchange's clock as it was last asked, run on by ours; 0 where it never was.

        `less_seconds` is how long before it was waited for the answer may have been made.
        """
        now, asked = self.clock or (0, 0)
        return now + int((time.monotonic() - asked - less_seconds) * NS_PER_SECOND) if self.clock else 0

    def _call(self, where: str, method: str, params: dict[str, Any], check: Callable[[Any], _T]) -> _T:
        """Ask until an answer passes the check; transient trouble is asked again, a wrong answer `hole_retries` times.

        Whatever an answer makes us or ccxt stumble over is a BadAnswerError.
        """
        wrong_count = 0

        def once() -> _T:
            nonlocal wrong_count
            self.calls += 1
            try:
                checked = check(self._decoded(getattr(self._ccxt, f"publicGet{method}")(params)))
                if self._pace:
                    self._pace.passed(self._settings)
                return checked
            except (_errors.BaseError, OSError) as error:  # an OSError is of opening certificates or a socket
                known = translate(error, where, self._settings.base_url)
                if self._pace and isinstance(known, RateLimitError):
                    self._pace.limited(self._settings)
                raise known from error
            except BadAnswerError:
                wrong_count += 1
                raise
            except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
                wrong_count += 1
                raise BadAnswerError(
                    f"{where}: the answer is not what Kraken documents ({_one_line(error)})."
                ) from error

        def told() -> _T:
            if not _requests.isEnabledFor(logging.DEBUG):
                return once()
            connection, found = self._ccxt, dict[str, Any]()
            connection.status, connection.seconds = None, 0
            try:
                checked = once()
                found = _found(checked)
                return checked
            except Exception as error:
                found = {"error": error}
                raise
            finally:
                took = {"status": connection.status or "none", "ms": round(connection.seconds * 1000)}
                _requests.debug("%s", _fields({"call": method, **params, **took, **found}))

        def is_worth_a_retry(error: BaseException) -> bool:
            if isinstance(error, BadAnswerError):  # one lagging backend may have made it
                return wrong_count <= self._settings.hole_retries
            return self._is_worth_a_retry(error)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_worth_a_retry),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=self._pause,
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        return retrying(told)

    def _wait_for_turn(self, method: str, pair: str) -> None:
        self._pace = pace_of(self._settings.base_url, method, pair)
        seconds = self._pace.book(self._settings, time.monotonic()) - time.monotonic()
        if seconds > 0:
            self._sleep(seconds)

    def _decoded(self, answer: Any) -> Any:
        if isinstance(answer, str):
            raise TransientExchangeError(
                f"{without_password(self._settings.base_url)} answered something that is not JSON "
                f"({answer.strip()[:60]!r}…): a maintenance page, or not Kraken. Check the address, or try again later."
            )
        return answer

    def _is_worth_a_retry(self, error: BaseException) -> bool:
        if isinstance(error, RateLimitError) and error.wait_until is not None:
            return error.wait_until - time.time() <= self._settings.longest_wait_seconds
        return isinstance(error, TransientExchangeError)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        backoff = tenacity.wait_exponential_jitter(multiplier=1, max=self._settings.retry_max_seconds, jitter=1)(state)
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimitError) and error.wait_until is not None:
            return max(backoff, error.wait_until - time.time())
        return 0 if isinstance(error, BadAnswerError) else backoff  # the pace is pause enough: nobody is overloaded

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise LoadStoppedError("Stopped while waiting for the exchange.")

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        tries = 1 + self._settings.hole_retries if isinstance(error, BadAnswerError) else self._attempts
        _log.warning("%s Asking again in %.0f s (try %d of %d).", error, pause, state.attempt_number, tries)


def _one_line(error: Exception) -> str:
    return " ".join(repr(error).split())[:160]


def _found(checked: Any) -> dict[str, Any]:
    """Return what a checked answer brought, as a log tells it; nothing of one without rows of a time."""
    if isinstance(checked, RestSnapshot):
        return {"timeframe": checked.timeframe, "candles": len(checked.candles)}
    if not isinstance(checked, TradePage):
        return {}
    ends = (checked.rows[0], checked.rows[-1]) if checked.rows else ()
    ids = {f"{name}_id": row.trade_id for name, row in zip(("first", "last"), ends, strict=False)}
    times = {f"{name}_ns": row.time_ns for name, row in zip(("first", "last"), ends, strict=False)}
    return {"rows": len(checked.rows), **ids, **times}


def _fields(values: dict[str, Any]) -> str:
    """Return values as name=value, quoted and escaped where one is more than a word."""
    texts = {name: str(value) for name, value in values.items()}
    return " ".join(
        f"{name}={text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=True)}"
        for name, text in texts.items()
    )
