"""Files of candles and trades as other programs write them, in one shape; and those that differences are written in."""

import gzip
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import dataset

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import timeframe_name
from dlt_pipeline.interchange.export import UNDERSCORED
from dlt_pipeline.publishing.database import unglobbed
from dlt_pipeline.publishing.files import written
from dlt_pipeline.warehouse.database import sql_text

UNDERSTOOD: Final = (
    "understood are freqtrade's files (feather, parquet, json, json.gz), candles as CSV or Parquet (time, open, high, "
    "low, close, volume, as ccxt and Kraken give them) and Kraken's OHLCVT and trades as CSV"
)
SUFFIXES: Final = (".feather", ".parquet", ".json", ".json.gz", ".csv", ".csv.gz")
_TIMES: Final = (
    *("time_ns", "timestamp", "date", "time", "bucket_start", "traded_at", "datetime", "open_time", "open time"),
)
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume", "base_volume", "vol", "amount", "qty"),
    "trade_count": ("trade_count", "trades", "count"),
    "price": ("price",),
    "side": ("side",),
}
_PRICES: Final = ("open", "high", "low", "close")
# Of files without a header, by how many fields a row has.
_CCXT: Final = ("timestamp", *_PRICES, "volume")
_HEADERLESS: Final = {
    3: ("time", "price", "volume"),
    6: _CCXT,
    7: ("time", *_PRICES, "volume", "trades"),
    8: ("time", *_PRICES, "vwap", "volume", "count"),
}
_FREQTRADES: Final = {6: _CCXT, 7: ("timestamp", "id", "type", "side", "price", "amount", "cost")}
_FREQTRADE_NAME: Final = re.compile(r"(?P<pair>.+)-(?P<what>trades|\d+(?:Mo|[a-z_]+))", re.ASCII)
_KRAKEN_NAME: Final = re.compile(r"(?P<pair>[A-Za-z0-9.]+?)(?:_(?P<minutes>\d{1,5}))?", re.ASCII)
_TREE_PART: Final = re.compile(r"(symbol|timeframe)=(.+)")
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))  # a time below is in units of so many ns
_NUMBER: Final = re.compile(r"\s*\"?[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\"?\s*")


@dataclass(frozen=True)
class Named:
    """What the name of a file says: the pair as it is spelt there, and the timeframe, `trades` or None.

    `shown` is the name itself; of a tree, whose folders say it in place of the file, the path from the first of them.
    """

    pair: str
    what: str | None
    shown: str
    is_tree: bool = False


@dataclass(frozen=True)
class Source:
    """What a file holds, as a query: at_ns, then open to close, volume and trade_count, or price, volume and side.

    Numbers are text, as they stand or the shortest of a float; `is_float` says which. Times are multiples of
    `precision_ns`.
    """

    path: Path
    is_candles: bool
    is_float: bool
    has_side: bool
    has_count: bool
    precision_ns: int
    query: str


def suffix_of(path: Path) -> str | None:
    """Return which of the suffixes that are understood a file has."""
    return max((each for each in SUFFIXES if path.name.lower().endswith(each)), key=len, default=None)


def named(path: Path) -> Named:
    """Return what the file's name says: BTC_USD-1h.feather, BTC_USD-trades.json.gz, XBTUSD_60.csv, XBTUSD.csv.

    Of a file in a tree as `publish` writes it, or of its folder, it is .../symbol=BTC-USD/timeframe=1h that says it.
    """
    stem = path.name[: -len(suffix_of(path) or path.suffix) or None]
    if match := _FREQTRADE_NAME.fullmatch(stem):
        return Named(match["pair"], re.sub(r"Mo$", "mo", match["what"]), path.name)
    parts = path.absolute().parts
    said = {match[1]: match[2] for match in map(_TREE_PART.fullmatch, parts) if match}
    if "symbol" in said:
        first = next(number for number, part in enumerate(parts) if re.match(r"\w+=", part))
        symbol = unquote(said["symbol"]).replace("-", "/")
        return Named(symbol, said.get("timeframe"), "/".join(parts[first:]), is_tree=True)
    match = _KRAKEN_NAME.fullmatch(stem)
    if match and match["minutes"]:
        try:
            return Named(match["pair"], timeframe_name(f"{int(match['minutes'])}m"), path.name)
        except BadInputError:
            return Named(match["pair"], None, path.name)
    return Named(stem, None, path.name)


def trees(folder: Path) -> list[Path]:
    """Return the folders symbol=.../timeframe=... at or below a folder, but for hidden ones (files of other states)."""
    found = [each for each in (folder, *sorted(folder.rglob("timeframe=*"))) if each.is_dir()]
    return [each for each in found if _is_timeframe(each) and not any(map(_is_hidden, each.relative_to(folder).parts))]


def _is_timeframe(folder: Path) -> bool:
    here = folder.absolute()
    return here.name.startswith("timeframe=") and here.parent.name.startswith("symbol=")


def _is_hidden(part: str) -> bool:
    return part.startswith((".", "_"))


def symbol_of(pair: str, symbols: Sequence[str], names: Mapping[str, str]) -> str | None:
    """Return which of our symbols a pair in a file's name means: BTC_USD, BTC/USD, XBTUSD; None for none of them."""
    by_file = {UNDERSCORED.sub("_", symbol).upper(): symbol for symbol in symbols}
    return by_file.get(UNDERSCORED.sub("_", pair).upper()) or names.get(pair.upper())


def read(connection: duckdb.DuckDBPyConnection, path: Path, view: str) -> Source:
    """Tell what a file holds, or all Parquet files of a tree's folder; a temp view of that name may stand behind it.

    Raises BadInputError for a file that is empty, cannot be read or is none that is understood.
    """
    suffix = ".parquet" if path.is_dir() else suffix_of(path)
    if suffix is None:
        raise BadInputError(f"{path} is of a format that is not understood; {UNDERSTOOD}.")
    if not path.stat().st_size:
        raise BadInputError(f"{path} is empty; {UNDERSTOOD}.")
    try:
        if suffix in (".feather", ".parquet"):
            files = [str(each) for each in sorted(path.rglob("*.parquet")) if not _is_hidden(each.name)]
            connection.register(view, dataset.dataset(files if path.is_dir() else path, format=suffix[1:]))
            rows = f"from {view}"
        elif suffix.startswith(".json"):
            rows = _json_rows(path)
        else:
            rows = _csv_rows(path)
        described = connection.sql(rows)
        return _source(connection, path, rows, dict(zip(described.columns, map(str, described.types), strict=True)))
    except (OSError, EOFError, UnicodeDecodeError, ValueError, pa.ArrowException, duckdb.Error) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(f"{path} cannot be read ({first[:150]}); {UNDERSTOOD}.") from None


def _json_rows(path: Path) -> str:
    with gzip.open(path, "rt") if path.name.lower().endswith(".gz") else path.open() as file:
        head = file.read(4096).lstrip()
    if not head.startswith("["):
        raise BadInputError(f"{path} holds no list of rows; {UNDERSTOOD}.")
    first = re.match(r"\[\s*(\[[^\[\]]*\])", head)
    if first is None:
        what = "no rows" if re.fullmatch(r"\[\s*\]\s*", head) else "rows that are no lists"
        raise BadInputError(f"{path} holds {what}; {UNDERSTOOD}.")
    width = len(json.loads(first[1]))
    if width not in _FREQTRADES:
        raise BadInputError(f"{path} holds rows of {width} values; {UNDERSTOOD}.")
    names = ", ".join(f"line[{place}]->>'$' as \"{name}\"" for place, name in enumerate(_FREQTRADES[width], start=1))
    read_json = (
        f"read_json({sql_text(unglobbed(path))}, format = 'array', records = false, columns = {{line: 'JSON[]'}})"
    )
    return f"select {names} from {read_json}"  # noqa: S608


def _csv_rows(path: Path) -> str:
    with (
        gzip.open(path, "rt", encoding="utf-8-sig")
        if path.name.lower().endswith(".gz")
        else path.open(encoding="utf-8-sig") as file
    ):
        line = file.readline(10_000).strip()
    delimiter = max(",;\t", key=line.count)
    fields = [field.strip().strip('"') for field in line.split(delimiter)]
    has_header = not _NUMBER.fullmatch(fields[-1]) and not any(map(_NUMBER.fullmatch, fields))
    names = tuple(fields) if has_header else _HEADERLESS.get(len(fields))
    if names is None or len(set(names)) < len(names):
        raise BadInputError(f"{path} has {len(fields)} fields in its first line, {line[:60]!r}; {UNDERSTOOD}.")
    columns = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in names)
    options = f"header = {str(has_header).lower()}, delim = {sql_text(delimiter)}, auto_detect = false, quote = '\"'"
    return f"from read_csv({sql_text(unglobbed(path))}, columns = {{{columns}}}, {options}, nullstr = '')"


def _source(connection: duckdb.DuckDBPyConnection, path: Path, rows: str, kinds: Mapping[str, str]) -> Source:
    lower = {name.strip().lower(): name for name in kinds}
    time = next((lower[name] for name in _TIMES if name in lower), None)
    found = {role: next((lower[name] for name in names if name in lower), None) for role, names in _NAMES.items()}
    is_candles = all(found[name] for name in _PRICES)
    if time is None or not found["volume"] or not (is_candles or found["price"]):
        raise BadInputError(f"{path} has the columns {', '.join(kinds)}, of no candle and no trade; {UNDERSTOOD}.")
    is_json = path.name.lower().endswith((".json", ".json.gz"))
    at_ns, precision = _time(connection, path, rows, time, kinds[time])
    wanted = [*_PRICES, "volume"] if is_candles else ["price", "volume"]
    is_float = is_json or any(kinds[str(found[name])] in ("DOUBLE", "FLOAT") for name in wanted)
    # Of trades, which are many, doubles stay doubles.
    columns = {name: str(found[name]) for name in wanted}
    stay = {name for name in wanted if not is_candles and kinds[columns[name]] == "DOUBLE"}
    picked = [f"{_quoted(columns[name]) if name in stay else _number(columns[name])} as {name}" for name in wanted]
    other = "trade_count" if is_candles else "side"
    value = "cast(try_cast({} as bigint) as varchar)" if is_candles else "lower(cast({} as varchar))"
    has_other = found[other] is not None
    picked.append(
        f"{value.format(_quoted(str(found[other])))} as {other}" if has_other else f"null::varchar as {other}"
    )
    query = f"select {at_ns} as at_ns, {', '.join(picked)} from ({rows}) as rows"  # noqa: S608
    numbers = " or ".join(f"({name} is not null and try_cast({name} as double) is null)" for name in wanted)
    for row in connection.execute(f"select * from ({query}) where at_ns is null or {numbers} limit 1").fetchall():  # noqa: S608
        raise BadInputError(
            f"{path} has a row that cannot be read: time {row[0]}, then {', '.join(map(str, row[1:]))}."
        )
    return Source(path, is_candles, is_float, has_other and not is_candles, has_other and is_candles, precision, query)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _number(name: str) -> str:
    text = f"cast({_quoted(name)} as varchar)"
    return f"case when lower({text}) in ('nan', 'null', 'none') then null else trim({text}) end"


def _time(connection: duckdb.DuckDBPyConnection, path: Path, rows: str, name: str, kind: str) -> tuple[str, int]:
    """Return an expression of a row's time in ns, and of how many ns all times are multiples."""
    column = _quoted(name)
    if kind.startswith("TIMESTAMP"):
        if kind == "TIMESTAMP_NS":
            return f"epoch_ns({column})", 1
        unit = {"TIMESTAMP_S": 10**9, "TIMESTAMP_MS": 10**6}.get(kind, 10**3)
        return f"epoch_us(cast({column} as {'timestamptz' if 'ZONE' in kind else 'timestamp'})) * 1000", unit
    text = f"cast({column} as varchar)"
    query = f"select max(try_cast({text} as double)), max(length(split_part({text}, '.', 2))) from ({rows}) as rows"  # noqa: S608
    found = connection.execute(query).fetchall()
    largest, digits = found[0]
    if largest is None:
        if not connection.execute(f"select 1 from ({rows}) as rows limit 1").fetchall():  # noqa: S608
            raise BadInputError(f"{path} holds no rows; {UNDERSTOOD}.")
        return f"epoch_us(try_cast({text} as timestamp)) * 1000", 10**3
    unit = next((ns for bound, ns in _UNITS if largest < bound), 1)
    precision = max(unit // 10 ** min(digits or 0, 9), 1) if kind == "VARCHAR" else unit
    return f"cast(try_cast({text} as decimal(38, 9)) * {unit} as bigint)", precision


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
