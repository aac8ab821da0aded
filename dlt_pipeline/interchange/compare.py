"""Files of others beside what is proven here: each candle and each trade, and every difference as a row of a table."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import NS_PER_DAY, Span, cut, to_ns, utc_of_ns, without
from dlt_pipeline.interchange.export import LIST, MACROS
from dlt_pipeline.interchange.formats import SUFFIXES, Source, check_targets, named, read, suffix_of, symbol_of, trees
from dlt_pipeline.interchange.proven import SPANS_AS_TEXT, Proven, open_proven
from dlt_pipeline.publishing.files import written
from dlt_pipeline.warehouse.database import sql_text, warehouse_path

_WEEK_NS: Final = 7 * NS_PER_DAY
_MONDAY_NS: Final = 4 * NS_PER_DAY
_FIELDS: Final = ("open", "high", "low", "close", "volume")
FIRST: Final = 1000
# 20 million at once did not fit into 1 GB.
TRADES_AT_ONCE: Final = 2_000_000
_KEYS: Final = "at_ns, price, volume, side"
# Nanoseconds as text with all their digits, but for zeros at the end; by file, then by time.
_SHOWN: Final = """(
    select * replace (rtrim(rtrim(strftime(at_utc, '%Y-%m-%dT%H:%M:%S.%n'), '0'), '.') || 'Z' as at_utc)
    from differences order by file, at_utc, field, status, price, volume, side
)"""
_TABLE: Final = """
    create or replace temp table differences (
        file varchar, symbol varchar, timeframe varchar, status varchar, at_utc timestamp_ns, field varchar,
        price varchar, volume varchar, side varchar, theirs varchar, ours varchar, difference varchar
    )
"""
# A number of a file, as text, beside our decimal. Text may be that of a float: then it is the shortest of this one.
_VERDICT: Final = """
    create or replace temp macro shown(x) as case
        when contains(cast(x as varchar), '.') then exact_text(x) else cast(x as varchar)
    end;
    create or replace temp macro fits(t) as
        length(split_part(t, '.', 2)) <= 18 and try_cast(t as decimal(38, 18)) is not null;
    create or replace temp macro verdict(t, ours, tolerance, is_float) as case
        when t is null and ours is null then 'equal'
        when t is null or ours is null then 'differs'
        when fits(t) and try_cast(t as decimal(38, 18)) = ours then 'equal'
        when (is_float or cast(cast(t as double) as varchar) = t) and cast(t as double) = nearest(ours) then 'float'
        when tolerance > 0 and abs(cast(t as double) - nearest(ours)) <= tolerance * abs(nearest(ours)) then 'tolerated'
        else 'differs'
    end;
    create or replace temp macro apart(t, ours) as case
        when t is null or ours is null then null
        when fits(t) then exact_text(try_cast(t as decimal(38, 18)) - ours)
        else cast(cast(t as double) - nearest(ours) as varchar)
    end;
"""


@dataclass(frozen=True)
class FieldDifference:
    """One number of the candles of a file: in how many it differs, by how much at the most, and where.

    `part` is the largest difference as a part of our number; None where one of both has no number, or ours is 0.
    """

    name: str
    count: int
    largest: str | None
    at: datetime
    part: float | None


@dataclass(frozen=True)
class Beyond:
    """Proven trades, or candles that have any, which a file does not reach: how many, the first and the last; UTC."""

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass
class Compared:
    """What came of a file; times are naive UTC, counts are of candles or trades.

    `compared` rows lie in proven time; of these `equal` are the same, `as_floats` of them only as the nearest float64,
    `tolerated` only within the tolerance, and `restamped` trades one unit of time later, as ccxt's rounding leaves
    them. `not_comparable` rows lie outside of proven time; `left_out` candles are empty and stand in one of both.
    `missing` lie between its first and its last row; what is proven `before` and `after` these is no difference, for a
    file may be of a part of a history.
    """

    path: Path
    symbol: str
    timeframe: str | None
    rows: int = 0
    compared: int = 0
    equal: int = 0
    as_floats: int = 0
    tolerated: int = 0
    restamped: int = 0
    differing: int = 0
    missing: int = 0
    surplus: int = 0
    doubled: int = 0
    not_comparable: int = 0
    left_out: int = 0
    before: Beyond = Beyond()
    after: Beyond = Beyond()
    fields: list[FieldDifference] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file for people: its name, or the folders of a tree that say what it is."""
        return named(self.path).shown

    @property
    def is_equal(self) -> bool:
        """Whether nothing that could be compared differs."""
        return not (self.differing or self.missing or self.surplus or self.doubled)


@dataclass(frozen=True)
class Comparison:
    """All files compared; `skipped` are those of a folder whose names tell no symbol and timeframe of ours."""

    files: Sequence[Compared]
    skipped: Sequence[Path]
    tolerance: float
    is_exact: bool
    first: Sequence[Sequence[object]]
    """The first of all differences, as `formats.HEADER` names their columns."""

    @property
    def is_equal(self) -> bool:
        """Whether all files are."""
        return all(one.is_equal for one in self.files)


def compare(
    paths: str | Path | Sequence[str | Path],
    *,
    symbol: str | None = None,
    timeframe: str | None = None,
    tolerance: float = 0.0,
    output: str | Path | None = None,
    warehouse: str | Path | None = None,
) -> Comparison:
    """Compare files of candles or trades, or those of folders, with what is proven here, as the command `compare` does.

    The `symbol` (BTC/USD) and `timeframe` (1h) are those of a file's name, or of the folders of a tree as `publish`
    writes it, unless given. `tolerance` is the largest part of our number by which another may differ and count as
    equal, from 0 to less than 1. `output` is a .csv or .parquet for all differences, a row each. `warehouse` is the
    DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or warehouse.duckdb here).

    Returns a Comparison: `is_equal`, and in `files` the counts of each, in candles or trades, with times in naive UTC.
    Raises BadInputError for what cannot be read, or is of no symbol or timeframe here, NothingLoadedError and
    NothingBuiltError before the first load and build, WarehouseLockedError, and DiskFullError for `output`.
    """
    path = warehouse_path(warehouse)
    target = None if output is None else Path(output)
    check_targets(target, None)
    if not 0 <= tolerance < 1:
        raise BadInputError(
            f"The tolerance {tolerance} is none: it is a part of a number from 0 to less than 1, as 1e-9."
        )
    given = [Path(each) for each in ([paths] if isinstance(paths, str | Path) else paths)]
    wanted, found_in_folders = _files(given)
    says = list(map(named, wanted))
    with_trades = timeframe is None and any((each.what or "trades") == "trades" for each in says)
    with (
        tempfile.TemporaryDirectory() as spill,
        # What is published would be compared with itself.
        open_proven(path, Path(spill), with_trades or any(each.is_tree for each in says)) as proven,
    ):
        proven.connection.execute(MACROS + _VERDICT + _TABLE)
        names = proven.names()
        done, skipped = [], []
        for number, (file, said) in enumerate(zip(wanted, says, strict=True)):
            what = timeframe or said.what
            ours = proven.spelt(symbol) if symbol else symbol_of(said.pair, list(proven.timeframes), names)
            if file in found_in_folders and (ours is None or what is None):
                skipped.append(file)
                continue
            if ours is None:
                known = ", ".join(list(proven.timeframes)[:5])
                raise BadInputError(f"{file}: its name tells no symbol of those here ({known}); give it by --symbol.")
            source = read(proven.connection, file, f"file_{number}")
            done.append(_compared(proven, source, ours, what, tolerance))
        if not done:
            raise BadInputError(
                f"No file of {', '.join(map(str, given))} has a name that tells a symbol of those here."
            )
        first = proven.connection.execute(f"from {_SHOWN} limit {FIRST}").fetchall()
        comparison = Comparison(done, skipped, tolerance, proven.is_exact, first)
        if target:
            form = "csv, header true" if target.suffix == ".csv" else "parquet, compression zstd"
            with written(target) as partial:
                proven.connection.execute(f"copy (from {_SHOWN}) to {sql_text(partial)} (format {form})")
    return comparison


def _files(paths: Sequence[Path]) -> tuple[list[Path], set[Path]]:
    """Return the files meant, and which of them nobody named but stand in a folder."""
    files: dict[Path, bool] = {}
    for path in paths:
        if not path.exists():
            raise BadInputError(f"There is no file {path}.")
        if not path.is_dir():
            files[path] = False
            continue
        inside = [each for each in sorted(path.iterdir()) if each.is_file() and suffix_of(each) and each.name != LIST]
        inside += trees(path)
        if not inside:
            raise BadInputError(f"The folder {path} holds no file of those understood ({', '.join(SUFFIXES)}).")
        files.update({each: True for each in inside if each not in files})
    return list(files), {path for path, is_inside in files.items() if is_inside}


def _compared(proven: Proven, source: Source, symbol: str, what: str | None, tolerance: float) -> Compared:
    if source.is_candles and what in (None, "trades"):
        raise BadInputError(
            f"{source.path} holds candles, and its name does not say of which timeframe: give --timeframe."
        )
    if not source.is_candles and what not in (None, "trades"):
        raise BadInputError(f"{source.path} holds trades, not candles of {what}: leave --timeframe out, or rename it.")
    proven.connection.execute(f"create or replace temp table theirs as {source.query}")
    rows, first, last = proven.connection.execute("select count(*), min(at_ns), max(at_ns) from theirs").fetchall()[0]
    if not rows:
        raise BadInputError(f"{source.path} holds no rows.")
    if source.is_candles:
        timeframe = _timeframe(str(what), first)
        proven.check_timeframe(symbol, timeframe)
        done = Compared(source.path, symbol, timeframe, rows)
        _compare_candles(proven, source, done, (first, last), tolerance)
    else:
        done = Compared(source.path, symbol, None, rows)
        _compare_trades(proven, source, done, (first, last + source.precision_ns))
    return done


def _timeframe(name: str, first_ns: int) -> str:
    """Return our name of it: weeks that begin on Monday, as freqtrade's, are not Kraken's."""
    if name == "1M":
        return "1mo"
    return "1w_monday" if name in ("1w", "7d") and first_ns % _WEEK_NS == _MONDAY_NS else name


def _set_spans(connection: duckdb.DuckDBPyConnection, spans: Sequence[Span]) -> None:
    connection.execute("create or replace temp table spans (start_ns bigint, end_ns bigint)")
    if spans:
        connection.executemany("insert into spans values (?, ?)", list(spans))


def _without_days(spans: Sequence[Span], days: Sequence[date]) -> list[Span]:
    taken = [(start, start + NS_PER_DAY) for start in (to_ns(day, "The day") for day in days)]
    return [part for span in spans for part in without(span, taken)]


def _compare_candles(proven: Proven, source: Source, done: Compared, bounds: tuple[int, int], tolerance: float) -> None:
    connection, timeframe = proven.connection, str(done.timeframe)
    candles = proven.candles(done.symbol, timeframe, utc_of_ns(bounds[0]), utc_of_ns(bounds[1] + 1000))
    connection.execute(
        "create or replace temp table ours as select epoch_ns(bucket_start) as at_ns, "  # noqa: S608 - own names only
        "epoch_ns(bucket_end) - epoch_ns(bucket_start) as size_ns, open, high, low, close, base_volume as volume, "
        f"cast(trade_count as decimal(38, 12)) as trade_count, is_empty from ({candles}) as candles"
    )
    bounded = "select epoch_ns(bucket_start) as at_ns from ({}) as candles where not is_empty".format
    before = proven.candles(done.symbol, timeframe, None, utc_of_ns(bounds[0]))
    after = proven.candles(done.symbol, timeframe, utc_of_ns(bounds[1] + 1000), None)
    done.before, done.after = (_beyond(connection, [bounded(rows)]) for rows in (before, after))
    spans = _without_days(proven.spans(done.symbol), proven.absent_days(done.symbol, timeframe))
    _set_spans(connection, spans)
    fields = (*_FIELDS, "trade_count") if source.has_count else _FIELDS
    verdicts = {name: f"verdict(t.{name}, o.{name}, {tolerance!r}::double, {source.is_float})" for name in fields}
    for name in _FIELDS[:4]:  # an empty candle has no prices of its own, and what others put there is their convention
        verdicts[name] = f"case when o.is_empty and o.open is null then 'equal' else {verdicts[name]} end"
    values = ", ".join(f"t.{name} as t_{name}, o.{name} as o_{name}, {verdicts[name]} as is_{name}" for name in fields)
    found = f"[{', '.join(f'is_{name}' for name in fields)}]"
    connection.execute(
        f"""
        create or replace temp table judged as
        with numbered as (select *, row_number() over (partition by at_ns order by volume, close) as nth from theirs),
        size as (select min(size_ns) as size_ns from ours),
        paired as (
            select coalesce(t.at_ns, o.at_ns) as at_ns, coalesce(t.nth, 1) as nth, t.at_ns is not null as is_theirs,
                o.at_ns is not null as is_ours, coalesce(o.is_empty, false) as is_empty,
                coalesce(try_cast(t.volume as double), 0) = 0 as is_quiet, {values}
            from numbered as t full join ours as o on t.at_ns = o.at_ns
        ),
        placed as (
            select *, is_ours or exists (
                from spans, size where at_ns >= start_ns and at_ns + size_ns <= end_ns
            ) as is_proven
            from paired
        )
        select *,
            case
                when not is_proven then 'not_comparable'
                when nth > 1 then 'doubled'
                when is_theirs and is_ours then if(list_contains({found}, 'differs'), 'differs', 'equal')
                when is_ours then if(is_empty, 'left_out', 'missing')
                when is_quiet then 'left_out'
                else 'surplus'
            end as status,
            list_contains({found}, 'float') as is_float,
            list_contains({found}, 'tolerated') as is_tolerated
        from placed
        """  # noqa: S608 - own names only
    )
    _count(
        connection,
        done,
        {
            "differing": "count(*) filter (where status = 'differs')",
            "missing": "count(*) filter (where status = 'missing')",
            "surplus": "count(*) filter (where status = 'surplus')",
            "doubled": "count(*) filter (where status = 'doubled')",
            "not_comparable": "count(*) filter (where status = 'not_comparable')",
            "left_out": "count(*) filter (where status = 'left_out')",
            "equal": "count(*) filter (where status = 'equal')",
            "as_floats": "count(*) filter (where status = 'equal' and is_float and not is_tolerated)",
            "tolerated": "count(*) filter (where status = 'equal' and is_tolerated)",
            "compared": "count(*) filter (where is_theirs and is_proven)",
        },
    )
    for name in fields:
        apart, rows = f"apart(t_{name}, o_{name})", f"from judged where status = 'differs' and is_{name} = 'differs'"
        connection.execute(
            f"insert into differences select {_said(done)}, 'differs', make_timestamp_ns(at_ns), '{name}', null, null, "
            f"null, t_{name}, exact_text(o_{name}), {apart} {rows}"
        )
        size = f"abs(try_cast({apart} as double))"
        part = f"if(bool_and(coalesce(o_{name} <> 0, false)), max({size} / abs(nearest(o_{name}))), null)"
        query = (
            f"select count(*), arg_max({apart}, {size}), coalesce(arg_max(at_ns, {size}), min(at_ns)), {part} {rows}"
        )
        for count, largest, at_ns, part_of_ours in connection.execute(query).fetchall():
            if count:
                done.fields.append(FieldDifference(name, count, largest, utc_of_ns(at_ns), part_of_ours))
    theirs = f"concat_ws(' ', {', '.join(f't_{name}' for name in fields)})"
    ours = f"concat_ws(' ', {', '.join(f'exact_text(o_{name})' for name in fields)})"
    connection.execute(
        f"insert into differences select {_said(done)}, status, make_timestamp_ns(at_ns), 'candle', null, null, null, "  # noqa: S608
        f"if(is_theirs, {theirs}, null), if(is_ours, {ours}, null), null "
        "from judged where status in ('missing', 'surplus', 'doubled')"
    )


def _compare_trades(proven: Proven, source: Source, done: Compared, bounds: Span) -> None:
    """Compare window by window, so that no more is grouped at once than fits, and keep what is uneven for all."""
    connection, unit = proven.connection, source.precision_ns
    spans = _without_days(proven.spans(done.symbol), proven.removed_days(done.symbol))
    _set_spans(connection, spans)
    inside = cut(bounds, spans)
    outside = (cut((0, bounds[0]), spans), cut((bounds[1], 2**62), spans))
    bounded = "select time_ns as at_ns from ({}) as trades".format
    done.before, done.after = (
        _beyond(
            connection,
            # All spans of a history at once would sort its trades.
            [
                bounded(proven.trades(done.symbol, each[first : first + SPANS_AS_TEXT]))
                for first in range(0, len(each), SPANS_AS_TEXT)
            ],
        )
        for each in outside
    )
    no_side = f"select 1 from ({proven.trades(done.symbol, inside)}) as trades where side is null limit 1"  # noqa: S608
    knows_sides = source.has_side and not connection.execute(no_side).fetchall()
    side = "coalesce(side, '')" if knows_sides else "''"
    number = "cast({} as double)" if source.is_float else "cast({} as decimal(38, 18))"
    mine = "nearest({})" if source.is_float else "cast({} as decimal(38, 18))"
    connection.execute("drop table if exists uneven")
    for start, end in _windows(connection, bounds):
        ours = proven.trades(done.symbol, cut((start, end), inside))
        counted = f"""
            with t as (
                select at_ns, {number.format("price")} as price, {number.format("volume")} as volume, {side} as side,
                    count(*) as theirs
                from theirs where at_ns >= {start} and at_ns < {end} group by all
            ),
            o as (
                select time_ns - time_ns % {unit} as at_ns, {mine.format("price")} as price,
                    {mine.format("volume")} as volume, {side} as side, count(*) as ours
                from ({ours}) as trades group by all
            )
            select {_KEYS}, coalesce(theirs, 0) as theirs, coalesce(ours, 0) as ours from t full join o using ({_KEYS})
        """  # noqa: S608 - own names only
        try:
            connection.execute(f"create or replace temp table judged as {counted}")
        except duckdb.ConversionException as error:
            raise BadInputError(f"{source.path} holds a number that no trade can have: {error}.") from None
        even, rows = connection.execute("select sum(least(theirs, ours)), sum(theirs) from judged").fetchall()[0]
        done.equal += int(even or 0)
        done.compared += int(rows or 0)
        uneven = "from judged where theirs <> ours"
        exists = connection.execute("select 1 from duckdb_tables() where table_name = 'uneven'").fetchall()
        connection.execute(
            f"{'insert into' if exists else 'create temp table'} uneven {'' if exists else 'as'} {uneven}"
        )
    # A time cut to its unit becomes the next one where a float of the seconds stood between.
    connection.execute(
        f"""
        create or replace temp table moved as
        select later.{_KEYS.replace(", ", ", later.")},
            least(later.theirs - later.ours, ours.ours - ours.theirs) as trades
        from uneven as later inner join uneven as ours
            on later.at_ns = ours.at_ns + {unit} and later.price = ours.price and later.volume = ours.volume
            and later.side = ours.side
        where later.theirs > later.ours and ours.ours > ours.theirs
        """  # noqa: S608 - own names only
    )
    connection.execute(
        f"""
        create or replace temp table judged as
        select
            uneven.* replace (uneven.theirs - coalesce(late.trades, 0) + coalesce(early.trades, 0) as theirs),
            ours > 0 or exists (from spans where at_ns >= start_ns and at_ns + {unit} <= end_ns) as is_proven
        from uneven
        left join moved as late using ({_KEYS})
        left join (select * replace (at_ns - {unit} as at_ns) from moved) as early using ({_KEYS})
        """  # noqa: S608 - own names only
    )
    _count(
        connection,
        done,
        {
            "missing": "sum(greatest(ours - theirs, 0))",
            "doubled": "sum(greatest(theirs - ours, 0)) filter (where ours > 0)",
            "surplus": "sum(theirs) filter (where ours = 0 and is_proven)",
            "not_comparable": "sum(theirs) filter (where not is_proven)",
        },
    )
    done.restamped = int(connection.execute("select coalesce(sum(trades), 0) from moved").fetchall()[0][0])
    done.equal += done.restamped
    done.compared -= done.not_comparable
    connection.execute(
        f"""
        insert into differences
        select {_said(done)},
            case when theirs < ours then 'missing' when ours > 0 then 'doubled' else 'surplus' end,
            make_timestamp_ns(at_ns), 'trades', shown(price), shown(volume), nullif(side, ''), theirs, ours,
            theirs - ours
        from judged where is_proven and theirs <> ours
        """  # noqa: S608 - own names only
    )


def _windows(connection: duckdb.DuckDBPyConnection, bounds: Span) -> list[Span]:
    """Return spans of whole UTC days that cover the bounds, each of about as many of the file's trades as fit."""
    query = f"select at_ns // {NS_PER_DAY}, count(*) from theirs group by 1 order by 1"  # noqa: S608
    starts, trades = [bounds[0]], 0
    for day, count in connection.execute(query).fetchall():
        if trades and trades + count > TRADES_AT_ONCE:
            starts.append(day * NS_PER_DAY)
            trades = 0
        trades += count
    return list(zip(starts, [*starts[1:], bounds[1]], strict=True))


def _beyond(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> Beyond:
    query = "select count(*), min(at_ns), max(at_ns) from ({}) as rows".format
    found = [row for part in parts for row in connection.execute(query(part)).fetchall() if row[0]]
    if not found:
        return Beyond()
    counts, firsts, lasts = zip(*found, strict=True)
    return Beyond(sum(counts), utc_of_ns(min(firsts)), utc_of_ns(max(lasts)))


def _count(connection: duckdb.DuckDBPyConnection, done: Compared, counts: Mapping[str, str]) -> None:
    """Set counts of the judged rows."""
    query = f"select {', '.join(counts.values())} from judged"  # noqa: S608 - own names only
    for name, value in zip(counts, connection.execute(query).fetchall()[0], strict=True):
        setattr(done, name, int(value or 0))


def _said(done: Compared) -> str:
    timeframe = "null" if done.timeframe is None else sql_text(done.timeframe)
    return f"{sql_text(done.path)}, {sql_text(done.symbol)}, {timeframe}"
