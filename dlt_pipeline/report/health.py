"""What a data engineer looks at: what is proven, what differs from Kraken's own, what ran, and how large it is."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.publishing.unchanged import last_checks
from dlt_pipeline.warehouse.database import ask_built, size_of, sql_digits, sql_text

_ROWS: Final = 200  # of a list, worst or newest first; the page says how many there are
# A day is judged by the gaps that touch it, and where trades prove nothing of it by whose candles begin on it. Numbers
# are those of page.js: 1 proven, 2 partly proven, 3 REST only, 4 archive only, 5 missing, 6 accepted as missing.
_DAYS: Final = """
    with spans as (
        select symbol, min(covered_from) as first_at, max(covered_to) as last_at
        from kraken.coverage where {wanted} group by symbol
    ),
    inside as (
        select symbol,
            unnest(generate_series(first_at::date, (last_at - interval 1 microsecond)::date, interval 1 day))::date
                as day
        from spans
    ),
    touched as (
        select symbol, day, bool_and(is_accepted) as is_accepted,
            sum(epoch(least(gap_to, day + 1)) - epoch(greatest(gap_from, day::timestamp))) as open_seconds
        from (
            select symbol, gap_from, gap_to, is_accepted,
                unnest(generate_series(gap_from::date, (gap_to - interval 1 microsecond)::date, interval 1 day))::date
                    as day
            from kraken.gaps where {wanted}
        )
        group by symbol, day
    ),
    others as ({others}),
    states as (
        select
            symbol, day,
            case
                when inside.symbol is not null and touched.symbol is null then 1
                when touched.is_accepted then 6
                when touched.open_seconds < 86399 then 2
                when others.has_rest then 3
                when others.has_archive then 4
                else 5
            end as state
        from inside
        left join touched using (symbol, day)
        full join others using (symbol, day)
    ),
    runs as (
        select *, day - row_number() over (partition by symbol, state order by day)::integer as run from states
    )
    select symbol, min(day) as first_on, count(*) as days, state
    from runs group by symbol, state, run order by symbol, first_on
"""
# Kept by day, where the warehouse has the checks; else from the candles themselves. A candle longer than a day speaks
# of none alone.
_OTHERS: Final = (
    """
        select symbol, bucket_on as day, bool_or(of_rest) as has_rest, bool_or(not of_rest) as has_archive
        from (
            select symbol, timeframe, bucket_on, true as of_rest
            from kraken.check_rest_summary where rest_candle_count > 0
            union all
            select symbol, timeframe, bucket_on, false
            from kraken.check_archive_summary where archive_candle_count > 0
        ) inner join held using (symbol, timeframe)
        where size <= 86400
        group by symbol, day
    """,
    """
        select symbol, bucket_start::date as day, bool_or(source = 'rest') as has_rest,
            bool_or(source = 'archive') as has_archive
        from kraken.ohlcv inner join held using (symbol, timeframe)
        where size <= 86400 and source <> 'trades'
        group by symbol, day
    """,
)
_PROVEN: Final = """
    select
        symbol, epoch_ms(min(covered_from)) as covered_from, epoch_ms(max(covered_to)) as covered_to,
        sum(trade_count)::bigint as trades, count(*) as ranges,
        coalesce(bool_and(are_ids_contiguous), true) as is_sound,
        string_agg(distinct proven_by, ', ' order by proven_by) as proven_by
    from kraken.coverage where {wanted} group by symbol order by covered_to, symbol
"""
_GAPS: Final = """
    select
        reason, count(*) as found, count_if(is_accepted) as accepted,
        count_if(is_given_up and not is_accepted) as given_up
    from kraken.gaps where {wanted} group by reason
"""
_STATUSES: Final = (
    "identical",
    "differs",
    "missing_here",
    "contradicted",
    "revised",
    "missing_there",
    "unknown_here",
    "unknown_there",
)
_COMPARED: Final = """
    select {by}, sum(compared_count)::bigint as compared, {counts}, sum(accepted_count)::bigint as accepted
    from kraken.check_{referee}_summary where {wanted} group by {by} having sum(compared_count) > 0 order by {by}
"""
# By status the candles that a line of the accepted differences covers.
_ACCEPTED: Final = """
    select bucket_status, count(distinct (symbol, timeframe, bucket_start))
    from kraken.check_{referee}_candles where {wanted} and is_accepted group by bucket_status
"""
_DIFFERENCES: Final = """
    select
        symbol, timeframe, epoch_ms(bucket_start), field, status, {exact}, is_accepted, accepted_reason
    from kraken.check_{referee}_candles
    where {wanted} and status in ('differs', 'missing_here', 'contradicted', 'revised', 'missing_there')
        and (symbol, timeframe) in (
            select symbol, timeframe from kraken.check_{referee}_summary
            where compared_count > identical_count + {unknown}
        )
    order by
        is_accepted, array_position(['differs', 'missing_here', 'contradicted', 'revised', 'missing_there'], status),
        abs(difference) / nullif(abs(theirs), 0) desc nulls last, bucket_start desc, symbol, timeframe, field
    limit {rows}
"""
_CONTRADICTIONS: Final = """
    select symbol, timeframe, year, rest_candle_count, beside_finer_count, finer_contradicts_count,
        beside_archive_count, archive_contradicts_count, archive_fuller_count, contradicted_count
    from kraken.check_rest_contradictions
    where contradicted_count > 0 and {wanted} order by contradicted_count desc, symbol, timeframe, year limit {rows}
"""
_JOBS: Final = """
    select
        job_id, job_type, symbol, status, phase, epoch_ms(queued_at), epoch_ms(started_at), epoch_ms(finished_at),
        estimated_trades, actual_trades, estimated_calls, actual_calls, estimated_seconds, actual_seconds,
        estimated_bytes, actual_bytes, coalesce(error, summary, '')
    from kraken.data_jobs where {wanted} order by job_id desc limit {rows}
"""
# By the unit of time of which some hundred make up all of it.
_LOADS: Final = """
    with pages as (
        select answered_at, new_trade_count, _dlt_load_id from kraken_raw.pages where {wanted}
    ),
    unit as (
        select case
            when max(answered_at) - min(answered_at) < interval 3 hours then 'minute'
            when max(answered_at) - min(answered_at) < interval 8 days then 'hour'
            when max(answered_at) - min(answered_at) < interval 400 days then 'day'
            else 'month'
        end as unit from pages
    )
    select any_value(unit), epoch_ms(date_trunc(unit, answered_at)) as began, count(*), sum(new_trade_count)::bigint,
        count(distinct _dlt_load_id)
    from pages cross join unit group by date_trunc(unit, answered_at) order by began
"""
_TABLES: Final = """
    select schema_name || '.' || table_name, estimated_size from duckdb_tables()
    where not temporary and estimated_size > 0 order by estimated_size desc limit 12
"""
# What a check found is red where it may be ours, amber where it is Kraken's or known.
_OPEN_GAPS: Final = frozenset({"trades_lost", "ids_missing"})
_REASONS: Final = {
    "never_loaded": "no complete load covers it",
    "archive_ends": "it lies behind the end of an imported file",
    "rows_refused": "rows of an imported file could not be taken in",
    "ids_missing": "Kraken left trade ids out",
    "trades_lost": "trades are missing that the ledger speaks of",
}
_SAID: Final = {
    "differs": "a field of ours is none that Kraken gave",
    "missing_here": "Kraken has the candle, we have not",
    "contradicted": "Kraken's other figures say what ours do",
    "revised": "Kraken's answers disagree, one of them equals ours",
    "missing_there": "we have trades, Kraken left the candle out",
}
_IMPORTS: Final = """
    select count(*), count_if(trade_difference <> 0 or volume_difference <> 0), count_if(rows_refused > 0)
    from kraken.check_import where is_current
"""


@dataclass(frozen=True)
class Check:
    """What a check found: `level` red, amber or green, `query` shows the rows."""

    level: str
    name: str
    says: str
    found: int
    accepted: int
    query: str


def read_health(
    connection: duckdb.DuckDBPyConnection, wanted: Collection[str], warehouse: Path, is_warehouse: bool
) -> dict[str, Any]:
    """Return the second screen as JSON has it, of the wanted symbols, of all without any.

    A part that the place has no tables for is None: what was published has no checks, jobs or loads. To be called
    behind `read_market`, whose table `held` it reads.
    """
    condition = f"symbol in ({', '.join(map(sql_text, wanted))})" if wanted else "true"

    def ask(query: str, **parts: object) -> list[tuple[Any, ...]] | None:
        return ask_built(connection, query.format(wanted=condition, rows=_ROWS, **parts))

    compared = {referee: _compared(ask, referee) for referee in ("rest", "archive")}
    gaps = ask(_GAPS)
    proven = ask(_PROVEN)
    contradictions = ask(_CONTRADICTIONS)
    jobs = ask(_JOBS)
    found: dict[str, Any] = {
        "days": _days(next((rows for each in _OTHERS if (rows := ask(_DAYS, others=each)) is not None), None)),
        "proven": proven,
        "compared": compared,
        "contradictions": contradictions,
        "jobs": jobs,
        "loads": ask(_LOADS),
        "storage": _storage(warehouse, ask(_TABLES) if is_warehouse else None),
    }
    checks = [
        *_build_checks(warehouse),
        *_id_checks(proven or ()),
        *_gap_checks(gaps or ()),
        *(check for referee, rows in compared.items() for check in _compared_checks(referee, rows)),
        *_other_checks(ask, contradictions, jobs),
    ]
    order = ("red", "amber", "green")
    found["checks"] = [asdict(each) for each in sorted(checks, key=lambda each: (order.index(each.level), -each.found))]
    return found


def _days(rows: Sequence[tuple[str, date, int, int]] | None) -> dict[str, Any] | None:
    """Return states of days in runs, from the first day of all symbols on; 0 for a day that nobody knows of."""
    if not rows:
        return None
    first = min(row[1] for row in rows)
    runs: dict[str, list[int]] = defaultdict(list)
    reached: dict[str, int] = defaultdict(int)
    for symbol, day, days, state in rows:
        start = (day - first).days
        if start > reached[symbol]:
            runs[symbol] += [0, start - reached[symbol]]
        runs[symbol] += [state, days]
        reached[symbol] = start + days
    return {"first": str(first), "count": max(reached.values()), "rows": list(runs.items())}


def _compared(ask: Any, referee: str) -> dict[str, Any] | None:
    """Return how our candles stand beside Kraken's, by symbol and timeframe and by day, and those that differ."""
    statuses = [each for each in _STATUSES if referee == "archive" or each != "unknown_there"]
    if referee == "archive":
        statuses = [each for each in statuses if each not in ("contradicted", "revised")]
    counts = ", ".join(f"sum({each}_count)::bigint as {each}" for each in statuses)
    rows = ask(_COMPARED, by="symbol, timeframe", counts=counts, referee=referee)
    if not rows:
        return None if rows is None else {"statuses": statuses, "rows": [], "days": [], "differences": []}
    unknown = " + ".join(f"{each}_count" for each in statuses if each.startswith("unknown"))
    exact = ", ".join(
        f"case when {each} is not null then {sql_digits(each)} end" for each in ("ours", "theirs", "difference")
    )
    is_equal = all(row[2] == row[3] for row in rows)
    return {
        "statuses": statuses,
        "rows": rows,
        "accepted": dict(ask(_ACCEPTED, referee=referee) or ()) if any(row[-1] for row in rows) else {},
        "days": [[str(row[0]), *row[1:]] for row in ask(_COMPARED, by="bucket_on", counts=counts, referee=referee)],
        "differences": [] if is_equal else ask(_DIFFERENCES, referee=referee, unknown=unknown, exact=exact),
    }


def _build_checks(warehouse: Path) -> Iterator[Check]:
    last = last_checks(warehouse)
    if last is None:
        return
    at, red = last
    for each in red:
        yield Check("red", "Last build", f"red at {at}: {each}", 1, 0, "kraken-candles build")
    if not red:
        yield Check("green", "Last build", f"all checks green at {at}", 0, 0, "kraken-candles build")


def _id_checks(proven: Sequence[tuple[Any, ...]]) -> Iterator[Check]:
    broken = sum(not row[5] for row in proven)
    says = "symbols with ids missing in what is covered" if broken else "none is missing in what is covered"
    query = "from kraken.coverage where not are_ids_contiguous"
    yield Check("red" if broken else "green", "Trade ids", says, broken, 0, query)


def _gap_checks(gaps: Sequence[tuple[str, int, int, int]]) -> Iterator[Check]:
    for reason, found, accepted, given_up in gaps:
        level = "green" if found == accepted else "red" if reason in _OPEN_GAPS else "amber"
        says = _REASONS.get(reason, reason) + (f"; {given_up:,} given up" if given_up else "")
        query = f"from kraken.gaps where reason = '{reason}'"
        yield Check(level, f"Gaps: {reason}", says, found, accepted, query)
    if not gaps:
        yield Check("green", "Gaps", "none", 0, 0, "from kraken.gaps")


def _compared_checks(referee: str, compared: Mapping[str, Any] | None) -> Iterator[Check]:
    if not compared or not compared["rows"]:
        return
    name = "Kraken's OHLC" if referee == "rest" else "Kraken's OHLCVT downloads"
    totals = {status: sum(row[3 + i] for row in compared["rows"]) for i, status in enumerate(compared["statuses"])}
    total = sum(row[2] for row in compared["rows"])
    query = f"from kraken.check_{referee}_candles where status = "
    for status, says in _SAID.items():
        found, accepted = totals.get(status, 0), compared["accepted"].get(status, 0)
        if found:
            is_ours = status in ("differs", "missing_here") and found > accepted
            level = "red" if is_ours else "amber"
            yield Check(level, f"{name}: {status}", says, found, accepted, f"{query}'{status}'")
    says = f"{totals['identical']:,} of {total:,} compared candles are identical"
    yield Check("green", name, says, 0, 0, f"from kraken.check_{referee}_summary")


def _other_checks(ask: Any, contradictions: Sequence[Any] | None, jobs: Sequence[Any] | None) -> Iterator[Check]:
    for files, wrong, refused in ask(_IMPORTS) or ():
        if files:
            says = (
                "files whose trades or volume are not those in the warehouse" if wrong else f"{files:,} files, all in"
            )
            query = "from kraken.check_import where trade_difference <> 0 or volume_difference <> 0"
            yield Check("red" if wrong else "green", "Imported files", says, wrong, 0, query)
        if refused:
            query = "from kraken.check_import where rows_refused > 0"
            yield Check("amber", "Imported files: rows refused", "files with rows not taken in", refused, 0, query)
    for (lost,) in (
        ask("select coalesce(sum(lost_trade_count), 0)::bigint from kraken.check_archive_join where {wanted}") or ()
    ):
        if lost:
            query = "from kraken.check_archive_join where lost_trade_count > 0"
            yield Check("amber", "Files beside answers", "trades that only the source not taken has", lost, 0, query)
    for (revised,) in ask("select count(*) from kraken.candle_revisions where {wanted}") or ():
        if revised:
            says = "days whose certified candles changed later"
            yield Check("amber", "Revisions", says, revised, 0, "from kraken.candle_revisions")
    if contradictions:
        found = sum(row[-1] for row in contradictions)
        query = "from kraken.check_rest_contradictions where contradicted_count > 0"
        yield Check("amber", "Kraken beside itself", "its candles of one timeframe deny another's", found, 0, query)
    failed = sum(job[3] == "failed" for job in jobs or ())
    if failed:
        yield Check("red", "Jobs", "jobs failed", failed, 0, "from kraken.data_jobs where status = 'failed'")


def _storage(warehouse: Path, tables: Sequence[tuple[str, int]] | None) -> dict[str, Any]:
    """Return bytes of the warehouse, of what is published and of its Parquet by source and timeframe."""
    settings = load_settings(warehouse)
    parquet: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path in settings.tree.rglob("*.parquet") if settings.tree.is_dir() else ():
        parts = dict(part.split("=", 1) for part in path.relative_to(settings.tree).parts if "=" in part)
        of = parquet[f"{parts.get('source', '?')} {parts.get('timeframe', '?')}"]
        of[0] += path.stat().st_size
        of[1] += 1
    return {
        "warehouse": size_of(warehouse),
        "published": settings.database.stat().st_size if settings.database.exists() else None,
        "parquet": sorted(([name, *of] for name, of in parquet.items()), key=lambda each: -each[1]),
        "tables": tables,
    }
