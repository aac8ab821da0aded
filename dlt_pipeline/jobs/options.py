"""The options of a job, as they stand in `data_jobs.options`: JSON, and nothing in it that is not known."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.timeframe import timeframe_name

POLICIES: Final = ("null", "carry_forward", "omit")


@dataclass(frozen=True)
class Options:
    """What a job makes of its trades.

    `bucket_size`: a timeframe that is built besides those of the project (1s to 15d). `include_trades` False removes
    the raw trades of its whole days once their candles are kept. `empty_bucket_policy` of the symbol in this timeframe;
    None leaves the project's. `export`: publish afterwards. `reason`: why a repair is one. Of an import: `symbols` are
    those wanted, by commas, `symbol_map` a CSV of altname,symbol; `whole_days` believes that files hold whole days.
    """

    bucket_size: str = "1m"
    include_trades: bool = True
    empty_bucket_policy: str | None = None
    export: bool = True
    reason: str | None = None
    symbols: str | None = None
    symbol_map: str | None = None
    whole_days: bool = False

    def as_json(self) -> str:
        """Return the JSON text that `parse_options` reads back; what is not said is left out."""
        standard = Options()
        return json.dumps(
            {
                name: value
                for name, value in asdict(self).items()
                if value is not None and (name != "whole_days" or value != standard.whole_days)
            }
        )


_KINDS: Final[dict[str, tuple[type, str]]] = {
    "bucket_size": (str, "a bucket size such as 1m"),
    "include_trades": (bool, "true or false"),
    "empty_bucket_policy": (str, f"one of {', '.join(POLICIES)}"),
    "export": (bool, "true or false"),
    "reason": (str, "a text"),
    "symbols": (str, "symbols by commas, such as BTC/USD,ETH/USD"),
    "symbol_map": (str, "the path of a CSV of altname,symbol"),
    "whole_days": (bool, "true or false"),
}


def parse_options(given: str | Mapping[str, Any] | None) -> Options:
    """Check options given as JSON text or a mapping; BadInputError names what is unknown or cannot be."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise BadInputError(f"The options of the job are not JSON ({error}).") from None
    if not isinstance(given, Mapping | None):
        raise BadInputError("The options of the job are not a JSON object.")
    found = {name: value for name, value in (given or {}).items() if value is not None}
    known = [field.name for field in fields(Options)]
    for name, value in found.items():
        if name not in known:
            raise BadInputError(f"The option {name!r} is unknown; a job has {', '.join(known)}.")
        kind, meant = _KINDS[name]
        if type(value) is not kind or (name == "empty_bucket_policy" and value not in POLICIES):
            raise BadInputError(f"The option {name} is {value!r}; it must be {meant}.")
    options = Options(**found)
    return Options(**{**asdict(options), "bucket_size": timeframe_name(options.bucket_size)})
