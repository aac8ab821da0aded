with

ranges as (
    {{ page_ranges() }}
),

jumps as (
    select
        symbol,
        last_trade_id_before + 1 as first_missing_id,
        first_trade_id - 1 as last_missing_id,
        -- stamps of neighbours may stand in the wrong order
        least(last_time_ns_before, first_time_ns) as from_time_ns,
        greatest(last_time_ns_before, first_time_ns) as to_time_ns
    from {{ ref('ledger_entries') }}
    where first_trade_id > last_trade_id_before + 1
),

-- Jumps of ids between two pages between which no time was left out, whatever the loader said.
seams as (
    select jumps.*
    from jumps
    -- Where a stretch that was never asked for lies between, the missing ids are at home there.
    left join ranges
        on
            jumps.symbol = ranges.symbol
            and jumps.from_time_ns < ranges.covered_from_ns
            and jumps.to_time_ns >= ranges.covered_from_ns
    where ranges.symbol is null
),

recorded as (
    select * from {{ source('kraken_raw', 'id_holes').include(database=false) }}
    where _dlt_load_id in {{ complete_loads() }}
),

found as (
    {% for relation, is_recorded in [('recorded', 1), ('seams', 0)] %}
    select
        symbol,
        first_missing_id,
        last_missing_id,
        from_time_ns,
        to_time_ns,
        {{ is_recorded }} as is_recorded
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

holes as (
    select
        symbol,
        first_missing_id,
        last_missing_id,
        min(from_time_ns) as from_time_ns,
        max(to_time_ns) as to_time_ns,
        max(is_recorded) = 1 as is_recorded
    from found
    group by symbol, first_missing_id, last_missing_id
),

-- A day on both sides, for neighbours' stamps may stand in the wrong order. An equal day lets the engine leave out all others.
hole_days as (
    select
        *,
        {{ days_between(
            "cast(" ~ timestamp_from_ns('from_time_ns - 86400000000000') ~ " as date)",
            "cast(" ~ timestamp_from_ns('to_time_ns + 86400000000000') ~ " as date)"
        ) }} as traded_on
    from holes
),

arrived as (
    select
        holes.symbol,
        holes.first_missing_id,
        holes.last_missing_id,
        count(case when trades.trade_id > 0 then 1 end) as found_id_count,
        count(case when trades.trade_id = 0 then 1 end) as idless_trade_count
    from hole_days as holes
    inner join {{ ref('stg_trades') }} as trades
        on
            holes.symbol = trades.symbol
            and holes.traded_on = trades.traded_on
            and (
                trades.trade_id between holes.first_missing_id and holes.last_missing_id
                or (trades.trade_id = 0 and trades.time_ns between holes.from_time_ns and holes.to_time_ns)
            )
    left join {{ ref('bare_days') }} as bare on trades.symbol = bare.symbol and trades.traded_on = bare.bare_on
    where bare.symbol is null
    group by holes.symbol, holes.first_missing_id, holes.last_missing_id
),

-- Of a day whose trades are removed every id between its first and its last had arrived when its candles were kept.
kept as (
    select
        holes.symbol,
        holes.first_missing_id,
        holes.last_missing_id,
        sum(
            least(holes.last_missing_id, bare.last_trade_id) - greatest(holes.first_missing_id, bare.first_trade_id) + 1
        ) as found_id_count
    from holes
    inner join {{ ref('bare_days') }} as bare
        on
            holes.symbol = bare.symbol
            and holes.first_missing_id <= bare.last_trade_id
            and holes.last_missing_id >= bare.first_trade_id
    group by holes.symbol, holes.first_missing_id, holes.last_missing_id
),

inferred as (
    select
        holes.symbol,
        holes.first_missing_id,
        holes.last_missing_id,
        count(*) as found_id_count
    from holes
    inner join {{ ref('inferred_ids') }} as ids
        on
            holes.symbol = ids.symbol
            and holes.first_missing_id <= ids.inferred_trade_id
            and holes.last_missing_id >= ids.inferred_trade_id
    group by holes.symbol, holes.first_missing_id, holes.last_missing_id
),

counted as (
    select
        holes.*,
        cast(
            coalesce(arrived.found_id_count, 0) + coalesce(kept.found_id_count, 0) + coalesce(inferred.found_id_count, 0)
            as bigint
        ) as found_id_count,
        greatest(coalesce(arrived.idless_trade_count, 0) - coalesce(inferred.found_id_count, 0), 0) as idless_trade_count
    from holes
    left join arrived
        on
            holes.symbol = arrived.symbol
            and holes.first_missing_id = arrived.first_missing_id
            and holes.last_missing_id = arrived.last_missing_id
    left join kept
        on
            holes.symbol = kept.symbol
            and holes.first_missing_id = kept.first_missing_id
            and holes.last_missing_id = kept.last_missing_id
    left join inferred
        on
            holes.symbol = inferred.symbol
            and holes.first_missing_id = inferred.first_missing_id
            and holes.last_missing_id = inferred.last_missing_id
)

-- A trade may be stamped before one with a lower id: so far beyond its neighbours a missing one may have been traded.
select
    symbol,
    first_missing_id,
    last_missing_id,
    {{ timestamp_from_ns('from_time_ns - ' ~ step_back_ns()) }} as from_time,
    {{ timestamp_from_ns('to_time_ns + ' ~ step_back_ns()) }} as to_time,
    from_time_ns - {{ step_back_ns() }} as from_time_ns,
    to_time_ns + {{ step_back_ns() }} as to_time_ns,
    is_recorded,
    found_id_count,
    -- A trade that Kraken shows without an id has used one up, so a jump across such trades is no hole.
    found_id_count + case when is_recorded then 0 else idless_trade_count end
    >= last_missing_id - first_missing_id + 1 as is_lifted
from counted
