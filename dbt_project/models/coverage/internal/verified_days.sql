{%- set range_window = 'partition by symbol, range_number order by from_ns' %}
{%- set block_window = 'partition by symbol, range_number order by block_number' %}
{#- A page's worth: more is no swap of neighbours. #}
{%- set most_ids_over_midnight = 1000 %}

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
        to_ns = max(to_ns) over (partition by symbol) as ends_coverage,
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
        from_ns,
        range_number,
        traded_number,
        trade_count,
        id_count,
        idless_count,
        first_trade_id,
        last_trade_id,
        edition_id = lag(edition_id) over ({{ range_window }}) as is_same_file,
        first_row - lag(last_row) over ({{ range_window }}) - 1 as rows_before,
        case
            when lag(last_trade_id) over ({{ range_window }}) - first_trade_id between 0 and {{ most_ids_over_midnight }} then 0
            else 1
        end as begins_block
    from numbered
    where trade_count > 0
),

-- Where a time steps back over midnight, the ids of two days lie among each other: only both together have all of them.
blocked as (
    select
        *,
        sum(begins_block) over ({{ range_window }} rows between unbounded preceding and current row) as block_number
    from traded
),

blocks as (
    select
        symbol,
        range_number,
        block_number,
        min(first_trade_id) as first_trade_id,
        max(last_trade_id) as last_trade_id,
        sum(id_count) as id_count,
        sum(trade_count) as trade_count,
        sum(idless_count) as idless_count
    from blocked
    group by symbol, range_number, block_number
),

joined as (
    select
        symbol,
        range_number,
        block_number,
        coalesce(last_trade_id - first_trade_id + 1 between id_count and trade_count, true) as is_contiguous,
        first_trade_id - lag(last_trade_id) over ({{ block_window }}) - 1 as ids_before,
        lead(first_trade_id) over ({{ block_window }}) - last_trade_id - 1 as ids_after,
        idless_count + lag(idless_count) over ({{ block_window }}) as idless_before,
        idless_count + lead(idless_count) over ({{ block_window }}) as idless_after
    from blocks
),

checked as (
    select
        numbered.symbol,
        numbered.covered_on,
        numbered.from_ns,
        numbered.to_ns,
        numbered.ends_coverage as is_last,
        numbered.is_bare,
        numbered.edition_id,
        numbered.archive_load_id,
        numbered.page_count,
        numbered.new_trade_count,
        numbered.last_load_id,
        numbered.trade_count,
        numbered.id_count,
        numbered.first_trade_id,
        numbered.last_trade_id,
        numbered.base_volume,
        numbered.close,
        numbered.has_ids,
        numbered.distinct_trade_count = numbered.trade_count
        and numbered.unsound_trade_count = 0
        and (numbered.trade_count = 0 or coalesce(joined.is_contiguous, true))
        and coalesce(joined.ids_after between 0 and joined.idless_after, true)
        and (numbered.trade_count = 0 or not coalesce(blocked.is_same_file, false) or coalesce(blocked.rows_before = 0, true))
        and (numbered.trade_count = 0 or coalesce(joined.ids_before between 0 and joined.idless_before, true)) as is_sound
    from numbered
    left join blocked
        on
            numbered.symbol = blocked.symbol
            and numbered.range_number = blocked.range_number
            and numbered.traded_number = blocked.traded_number
    left join joined
        on
            blocked.symbol = joined.symbol
            and blocked.range_number = joined.range_number
            and blocked.block_number = joined.block_number
),

-- A sound piece that begins where another ends goes on with its range, and with its last close.
reached as (
    select
        *,
        lag(to_ns) over (partition by symbol, is_sound order by from_ns) as reached_ns
    from checked
),

carried as (
    select
        *,
        sum(case when from_ns = reached_ns then 0 else 1 end) over (
            partition by symbol, is_sound order by from_ns
            rows between unbounded preceding and current row
        ) as range_number
    from reached
)

select
    *,
    {{ last_known('close', 'symbol, is_sound, range_number', 'from_ns') }} as close_before,
    -- pieces of one day that meet, of two sources, share their buckets
    min(from_ns) over (partition by symbol, is_sound, range_number, covered_on) as stretch_from_ns
from carried
order by symbol, from_ns
