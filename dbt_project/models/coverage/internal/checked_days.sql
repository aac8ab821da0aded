{{ config(materialized='ephemeral') }}

{%- set range_window = 'partition by symbol, range_number order by from_ns' %}

-- Whether the trades that lie in a piece of coverage are those that the ledger speaks of: none twice, none missing by its id, neither
-- inside the piece nor between it and its neighbours with trades; a quiet piece between two that do not meet may have lost the one
-- that is missing. Where trades have no ids, the ledger alone speaks.
with

pieces as (
    select
        *,
        trade_count > 0 and id_count = trade_count as has_ids,
        lag(to_ns) over (partition by symbol order by from_ns) as reached_ns
    from {{ ref('covered_days') }}
),

ranges as (
    select
        *,
        sum(case when from_ns = reached_ns then 0 else 1 end) over (
            partition by symbol order by from_ns
            rows between unbounded preceding and current row
        ) as range_number
    from pieces
),

-- A quiet piece has the number of the piece with trades before it.
numbered as (
    select
        *,
        sum(case when trade_count > 0 then 1 else 0 end) over (
            partition by symbol, range_number order by from_ns
            rows between unbounded preceding and current row
        ) as traded_number
    from ranges
),

traded as (
    select
        symbol,
        range_number,
        traded_number,
        has_ids and lag(has_ids) over ({{ range_window }}) and first_trade_id <> lag(last_trade_id) over ({{ range_window }}) + 1
            as jumps_before,
        has_ids and lead(has_ids) over ({{ range_window }}) and last_trade_id <> lead(first_trade_id) over ({{ range_window }}) - 1
            as jumps_after
    from numbered
    where trade_count > 0
)

select
    numbered.*,
    numbered.distinct_trade_count = numbered.trade_count
    and numbered.unsound_trade_count = 0
    and not (numbered.has_ids and numbered.last_trade_id - numbered.first_trade_id + 1 <> numbered.id_count)
    and not coalesce(traded.jumps_after or (numbered.trade_count > 0 and traded.jumps_before), false) as is_sound
from numbered
left join traded
    on
        numbered.symbol = traded.symbol
        and numbered.range_number = traded.range_number
        and numbered.traded_number = traded.traded_number
