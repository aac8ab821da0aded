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
    where {{ hole_bounds('trades.traded_on') }}
    group by holes.symbol, holes.first_missing_id, holes.last_missing_id
)

select
    holes.symbol,
    holes.first_missing_id,
    holes.last_missing_id,
    {{ timestamp_from_ns('holes.from_time_ns') }} as from_time,
    {{ timestamp_from_ns('holes.to_time_ns') }} as to_time,
    holes.from_time_ns,
    holes.to_time_ns,
    holes.is_recorded,
    coalesce(arrived.found_id_count, 0) as found_id_count,
    -- A trade that Kraken shows without an id has used one up, so a jump across such trades is no hole.
    coalesce(arrived.found_id_count, 0)
    + case when holes.is_recorded then 0 else coalesce(arrived.idless_trade_count, 0) end
    >= holes.last_missing_id - holes.first_missing_id + 1 as is_lifted
from holes
left join arrived
    on
        holes.symbol = arrived.symbol
        and holes.first_missing_id = arrived.first_missing_id
        and holes.last_missing_id = arrived.last_missing_id
