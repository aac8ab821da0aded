"""Where the differences go: a file of all of them, and a page; each whole or not at all, nothing of others replaced."""

import html
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from dlt_pipeline.common.exceptions import BadInputError, WarehouseError
from dlt_pipeline.publishing.files import put
from dlt_pipeline.warehouse.errors import explain

HEADER: Final = (
    *("file", "symbol", "timeframe", "status", "at_utc", "field", "price", "volume", "side", "theirs", "ours"),
    "difference",
)
_MARK: Final = '<meta name="generator" content="kraken-candles compare">'
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">{mark}<meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }}
:root {{ color-scheme: light dark }}
div {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .7rem; border-bottom: 1px solid #8884; text-align: left; white-space: nowrap }}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""
Table = tuple[str, Sequence[str], Sequence[Sequence[object]]]
"""A caption, the names of columns, and rows."""


def check_targets(output: Path | None, page: Path | None) -> None:
    """Raise BadInputError where the file or page could not be written, or would replace what is not one of ours."""
    if output and output.suffix not in (".csv", ".parquet"):
        raise BadInputError(f"{output} is neither a .csv nor a .parquet, which differences can be written as.")
    for target, is_ours in ((output, _is_differences), (page, _is_page)):
        if target and not target.parent.is_dir():
            raise BadInputError(f"The folder of {target} does not exist; make it, or name another one.")
        if target and target.exists() and not is_ours(target):
            raise BadInputError(f"{target} is there and is none that compare wrote; name another file.")


def _is_differences(path: Path) -> bool:
    try:
        if path.suffix == ".parquet":
            return tuple(pq.read_schema(path).names) == HEADER
        with path.open(encoding="utf-8") as file:
            return file.readline(1000).strip() == ",".join(HEADER)
    except (OSError, ValueError, pa.ArrowException):
        return False


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK.encode() in file.read(1000)
    except OSError:
        return False


@contextmanager
def written(target: Path) -> Iterator[Path]:
    """Give a place beside a file for its content, which then moves there whole; errors of the system as a sentence."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        put(partial, target)
    except OSError as error:
        known = explain(error, target, "another place")
        raise known or WarehouseError(f"{target} cannot be written ({error.strerror or error}).") from error
    finally:
        partial.unlink(missing_ok=True)


def write_page(target: Path, title: str, remarks: Sequence[str], tables: Sequence[Table]) -> None:
    """Write a page without scripts that needs nothing beside it; every text is text, whatever it holds."""
    parts = [f"<p>{html.escape(remark)}</p>" for remark in remarks]
    for caption, names, rows in tables:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "\n".join(f"<tr>{''.join(f'<td>{html.escape(_text(cell))}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f"<h2>{html.escape(caption)}</h2><div><table><tr>{head}</tr>\n{body}</table></div>")
    text = _PAGE.format(mark=_MARK, title=html.escape(title), body="\n".join(parts))
    with written(target) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)
