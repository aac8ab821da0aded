{{ config(materialized='ephemeral') }}

{%- set range_window = 'partition by symbol, range_number order by from_ns' %}

-- Whether the trades that lie in a piece of coverage are those that the ledger speaks of: none twice, none missing by its id,
-- neither inside the piece nor between it and its neighbours with trades; a quiet piece between two that do not meet may have
-- lost the one that is missing. Of a file without ids the numbers of its rows say the same. Where Kraken's answers show no ids,
-- the ledger alone speaks.
with

pieces as (
    select
        *,
        trade_count > 0 and id_count = trade_count as has_ids,
        trade_count - id_count as idless_count,
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
        first_trade_id - lag(last_trade_id) over ({{ range_window }}) - 1 as ids_before,
        lead(first_trade_id) over ({{ range_window }}) - last_trade_id - 1 as ids_after,
        edition_id = lag(edition_id) over ({{ range_window }}) as is_same_file,
        first_row - lag(last_row) over ({{ range_window }}) - 1 as rows_before,
        idless_count + lag(idless_count) over ({{ range_window }}) as idless_before,
        idless_count + lead(idless_count) over ({{ range_window }}) as idless_after
    from numbered
    where trade_count > 0
)

select
    numbered.symbol,
    numbered.covered_on,
    numbered.from_ns,
    numbered.to_ns,
    numbered.is_last,
    numbered.is_bare,
    numbered.edition_id,
    numbered.archive_load_id,
    numbered.page_count,
    numbered.new_trade_count,
    numbered.last_load_id,
    numbered.trade_count,
    numbered.id_count,
    numbered.distinct_trade_count,
    numbered.unsound_trade_count,
    numbered.first_trade_id,
    numbered.last_trade_id,
    numbered.base_volume,
    numbered.close,
    numbered.has_ids,
    numbered.reached_ns,
    numbered.range_number,
    numbered.distinct_trade_count = numbered.trade_count
    and numbered.unsound_trade_count = 0
    and coalesce(numbered.last_trade_id - numbered.first_trade_id + 1 between numbered.id_count and numbered.trade_count, true)
    and coalesce(traded.ids_after between 0 and traded.idless_after, true)
    and (numbered.trade_count = 0 or not coalesce(traded.is_same_file, false) or coalesce(traded.rows_before = 0, true))
    and (numbered.trade_count = 0 or coalesce(traded.ids_before between 0 and traded.idless_before, true)) as is_sound
from numbered
left join traded
    on
        numbered.symbol = traded.symbol
        and numbered.range_number = traded.range_number
        and numbered.traded_number = traded.traded_number
