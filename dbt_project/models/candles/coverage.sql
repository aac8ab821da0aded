with

counted as (
    select
        days.symbol,
        days.covered_from_ns,
        min(nullif(trades.trade_id, 0)) as first_trade_id,
        max(nullif(trades.trade_id, 0)) as last_trade_id,
        count(*) as trade_count,
        count(nullif(trades.trade_id, 0)) as id_count
    from {{ ref('coverage_days') }} as days
    inner join {{ ref('stg_trades') }} as trades
        on
            days.symbol = trades.symbol
            and days.traded_on = trades.traded_on
            and days.covered_from_ns <= trades.time_ns
            and days.covered_to_ns > trades.time_ns
    group by days.symbol, days.covered_from_ns
)

select
    ranges.symbol,
    {{ timestamp_from_ns('ranges.covered_from_ns') }} as covered_from,
    {{ timestamp_from_ns('ranges.covered_to_ns') }} as covered_to,
    ranges.covered_from_ns,
    ranges.covered_to_ns,
    counted.first_trade_id,
    counted.last_trade_id,
    coalesce(counted.trade_count, 0) as trade_count,
    case
        when counted.trade_count = counted.id_count
            then counted.last_trade_id - counted.first_trade_id + 1 = counted.id_count
    end as are_ids_contiguous,
    lead(ranges.covered_from_ns) over (partition by ranges.symbol order by ranges.covered_from_ns) is null as is_latest
from {{ ref('coverage_ranges') }} as ranges
left join counted
    on
        ranges.symbol = counted.symbol
        and ranges.covered_from_ns = counted.covered_from_ns
