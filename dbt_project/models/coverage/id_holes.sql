with

holes as (
    select * from {{ ref('found_holes') }}
),

-- Holes are few, and their trades lie on their days.
arrived as (
    select
        holes.symbol,
        holes.first_missing_id,
        holes.last_missing_id,
        count(case when trades.trade_id > 0 then 1 end) as found_id_count,
        count(case when trades.trade_id = 0 then 1 end) as idless_trade_count
    from holes
    inner join {{ ref('stg_trades') }} as trades
        on
            holes.symbol = trades.symbol
            and (
                trades.trade_id between holes.first_missing_id and holes.last_missing_id
                or (trades.trade_id = 0 and trades.time_ns between holes.from_time_ns and holes.to_time_ns)
            )
    left join {{ ref('bare_days') }} as bare on trades.symbol = bare.symbol and trades.traded_on = bare.bare_on
    where bare.symbol is null and {{ hole_bounds('trades.traded_on') }}
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

counted as (
    select
        holes.*,
        cast(coalesce(arrived.found_id_count, 0) + coalesce(kept.found_id_count, 0) as bigint) as found_id_count,
        coalesce(arrived.idless_trade_count, 0) as idless_trade_count
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
)

select
    symbol,
    first_missing_id,
    last_missing_id,
    {{ timestamp_from_ns('from_time_ns') }} as from_time,
    {{ timestamp_from_ns('to_time_ns') }} as to_time,
    from_time_ns,
    to_time_ns,
    is_recorded,
    found_id_count,
    -- A trade that Kraken shows without an id has used one up, so a jump across such trades is no hole.
    found_id_count + case when is_recorded then 0 else idless_trade_count end
    >= last_missing_id - first_missing_id + 1 as is_lifted
from counted
