"""The page itself: one HTML file with everything in it, written whole or not at all."""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from plotly.offline import get_plotlyjs

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.publishing.files import written
from dlt_pipeline.report.market import MarketView

_HOLE: Final = re.compile(r"\{\{(\w+)\}\}")


def write_page(path: Path, about: Mapping[str, Any], market: MarketView, health: Mapping[str, Any]) -> int:
    """Write the page beside and move it to `path`; return its bytes.

    `about` says of what and when it was made. Raises BadInputError for a folder or where nothing
    can be written, DiskFullError.
    """
    if path.is_dir():
        raise BadInputError(f"{path} is a folder; --output names the file to write, such as report.html.")
    text = _page(about, market, health)
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path.stat().st_size


def _page(about: Mapping[str, Any], market: MarketView, health: Mapping[str, Any]) -> str:
    data = {
        **about,
        "most": market.most,
        "symbols": [{"name": symbol.name, **symbol.figures} for symbol in market.symbols],
        "health": health,
    }
    series = ([one.packed() for one in symbol.series] for symbol in market.symbols)
    parts = {
        "style": _own("page.css"),
        "script": _own("page.js"),
        "data": as_json(data),
        "candles": "\n".join(
            f'<script type="text/plain" class="candles">{_packed(as_json(one))}</script>' for one in series
        ),
        "plotly": _packed(get_plotlyjs()),
    }
    return _HOLE.sub(lambda hole: parts[hole[1]], _own("page.html"))


def as_json(value: object) -> str:
    """Return JSON that can stand in a script element: no name, however hostile, ends it or begins another."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _packed(text: str) -> str:
    """Return text as a browser's DecompressionStream takes it; of the same text always the same."""
    return b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _own(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
