"""What of ccxt is used: its Kraken without its other exchanges, and its exceptions turned into ours."""

import re
import ssl
import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

import requests

from dlt_pipeline.common.exceptions import (
    ExchangeError,
    NoConnectionError,
    RateLimitError,
    TransientExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.kraken.settings import without_password
from dlt_pipeline.warehouse.errors import is_out_of_files, links

_PACKAGE: Final = "ccxt"
_lock: Final = threading.RLock()
_RATE_TEXTS: Final = ("Rate limit exceeded", "Too many requests", "Temporary lockout", "Throttled")
_BUSY_TEXTS: Final = ("EService:Unavailable", "EService:Busy", "EService:Timeout", "EGeneral:Internal error")
_THROTTLED: Final = re.compile(r"Throttled:\s*(\d+)")
_BUSY_STATUS: Final = frozenset({408, 425})


def import_alone(*names: str) -> tuple[ModuleType, ...]:
    """Return the modules of ccxt called so; what the package imports beside them it imports when it is asked for it.

    So `import ccxt` anywhere in this process finds all of ccxt, as ever, and the very classes of these modules.
    """
    if _PACKAGE in sys.modules:
        return tuple(import_module(f"{_PACKAGE}.{name}") for name in names)
    spec = find_spec(_PACKAGE)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    loader, package = spec.loader, module_from_spec(spec)

    def whole(name: str) -> Any:
        with _lock:
            if package.__dict__.pop("__getattr__", None):
                loader.exec_module(package)
        return getattr(package, name)

    sys.modules[_PACKAGE] = package
    try:
        found = tuple(import_module(f"{_PACKAGE}.{name}") for name in names)
    except BaseException:
        del sys.modules[_PACKAGE]
        raise
    for name in names:  # of the package a class is called so, not the module
        package.__dict__.pop(name, None)
    package.__dict__["__getattr__"] = whole
    return found


def translate(error: Exception, where: str, base_url: str) -> ExchangeError | UnknownSymbolError:  # noqa: PLR0911 - a list
    """Name a ccxt exception: transient ones are asked again, the others reach the user."""
    text, base_url = without_password(str(error)), without_password(base_url)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    cause = error.__cause__
    response = cause.response if isinstance(cause, requests.RequestException) else None
    status = response.status_code if response is not None else None
    is_broken_off = isinstance(cause, requests.RequestException) and response is None
    if is_out_of_files(error):  # which is no word about the exchange
        return TransientExchangeError(f"{where}: no file descriptor is left to ask with; allow more (`ulimit -n`).")
    if distrust := next((link for link in links(error) if isinstance(link, ssl.SSLCertVerificationError)), None):
        return ExchangeError(
            f"{where}: the certificate of {base_url} is not trusted ({distrust.verify_message or distrust}); if a "
            "proxy of your own stands between, name its certificates by SSL_CERT_FILE or REQUESTS_CA_BUNDLE."
        )
    if status == 429 or kinds & {"DDoSProtection", "RateLimitExceeded"} or any(part in text for part in _RATE_TEXTS):
        until = _THROTTLED.search(text)
        return RateLimitError(
            f"{where}: {base_url} asks for a slower pace ({_reason(text, status)}); "
            "a larger sources.kraken.seconds_per_call helps if this goes on.",
            float(until[1]) if until else None,
        )
    if "EQuery:Unknown asset pair" in text:
        return UnknownSymbolError(f"{where}: the exchange does not know this pair.")
    if any(part in text for part in _BUSY_TEXTS) or status in _BUSY_STATUS or (status or 0) >= 500:
        return TransientExchangeError(f"{where}: {base_url} is busy ({_reason(text, status)}).")
    if "NetworkError" in kinds and not kinds & {"ExchangeNotAvailable", "RequestTimeout"}:
        return NoConnectionError(f"{where}: no connection to {base_url}; check the network and the address.")
    if "NetworkError" in kinds or is_broken_off:
        return TransientExchangeError(f"{where}: {base_url} does not answer ({_reason(text, status)}).")
    return ExchangeError(f"{where}: {base_url} refused the call ({_reason(text, status)}).")


def _reason(text: str, status: int | None) -> str:
    errors = re.findall(r'"(E[A-Z]\w*:[^"]*)"', text)
    if errors:
        return ", ".join(errors)
    return f"HTTP {status}" if status else text.removeprefix("kraken ")[:160]
