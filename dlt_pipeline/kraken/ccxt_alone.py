"""ccxt's client of Kraken without its other exchanges, whose import takes longer than that of all our own modules."""

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "ccxt"
_lock: Final = threading.RLock()


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
