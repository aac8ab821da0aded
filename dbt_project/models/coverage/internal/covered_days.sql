{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol', 'covered_on']),
    on_schema_change='append_new_columns',
    pre_hook="{{ kraken_candles.clear_units(['symbol', 'covered_on'], kraken_candles.stale_days(), kraken_candles.stale_bounds('covered_on')) }}",
) }}

-- The first of the two passes over the trades of a day. After the pre-hook the days to build are those that are not here.
with

pieces as (
    select
        ledger.*,
        row_number() over (order by ledger.symbol, ledger.from_ns) as piece
    from {{ ref('ledger_days') }} as ledger
    {% if is_incremental() -%}
    where (ledger.symbol, ledger.covered_on) in {{ stale_days() }}
    {%- endif %}
),

{% set trades_of_pieces -%}
    from pieces
    inner join {{ ref('stg_trades') }} as trades
        on
            pieces.symbol = trades.symbol
            and pieces.covered_on = trades.traded_on
            and pieces.from_ns <= trades.time_ns
            and pieces.to_ns > trades.time_ns
    where pieces.edition_id = 0 and not pieces.is_bare and {{ stale_bounds('trades.traded_on') }}
{%- endset -%}

-- In runs of neighbouring ids first, which tell the different ones; by the piece's number, for text is dear to group by.
runs as (
    select
        pieces.piece,
        count(*) as trade_count,
        count(nullif(trades.trade_id, 0)) as id_count,
        {{ distinct_ids('trades.trade_id') }} as distinct_id_count,
        -- no CASE and no IN, which the engine would run once for each trade instead of once for each value
        count(*) - count(
            nullif(
                trades.price > 0
                and trades.volume >= 0
                and (trades.side = 'buy' or trades.side = 'sell')
                and (trades.order_type = 'market' or trades.order_type = 'limit'),
                false
            )
        ) as unsound_trade_count,
        min(nullif(trades.trade_id, 0)) as first_trade_id,
        max(nullif(trades.trade_id, 0)) as last_trade_id,
        {{ sum_exact('trades.volume') }} as base_volume,
        max({{ trade_order() }}) as last_order,
        {{ last_by('trades.price', trade_order()) }} as close
    {{ trades_of_pieces }}
    group by pieces.piece, {{ id_run('trades.trade_id') }}
),

idless as (
    select
        pieces.piece,
        count(distinct {{ trade_order() }}) as distinct_count
    {{ trades_of_pieces }} and trades.trade_id = 0
    group by pieces.piece
),

counted as (
    select
        pieces.symbol,
        pieces.from_ns,
        sum(runs.trade_count) as trade_count,
        sum(runs.id_count) as id_count,
        coalesce(sum(runs.distinct_id_count), 0) + coalesce(max(idless.distinct_count), 0) as distinct_trade_count,
        sum(runs.unsound_trade_count) as unsound_trade_count,
        min(runs.first_trade_id) as first_trade_id,
        max(runs.last_trade_id) as last_trade_id,
        {{ sum_exact('runs.base_volume') }} as base_volume,
        {{ last_by('runs.close', 'runs.last_order') }} as close,
        cast(null as bigint) as first_row,
        cast(null as bigint) as last_row
    from runs
    inner join pieces on runs.piece = pieces.piece
    left join idless on runs.piece = idless.piece
    group by pieces.symbol, pieces.from_ns
    union all
    {{ file_facts('pieces') }}
    union all
    {{ held_facts('pieces') }}
)

select
    pieces.from_ns,
    pieces.to_ns,
    pieces.is_bare,
    pieces.edition_id,
    pieces.archive_load_id,
    pieces.page_count,
    pieces.new_trade_count,
    pieces.last_load_id,
    cast(coalesce(counted.trade_count, 0) as bigint) as trade_count,
    cast(coalesce(counted.id_count, 0) as bigint) as id_count,
    cast(coalesce(counted.distinct_trade_count, 0) as bigint) as distinct_trade_count,
    cast(coalesce(counted.unsound_trade_count, 0) as bigint) as unsound_trade_count,
    counted.first_trade_id,
    counted.last_trade_id,
    counted.first_row,
    counted.last_row,
    cast(coalesce(counted.base_volume, 0) as decimal(38, 12)) as base_volume,
    cast(counted.close as decimal(38, 12)) as close,
    pieces.symbol,
    pieces.covered_on
from pieces
left join counted on pieces.symbol = counted.symbol and pieces.from_ns = counted.from_ns
order by pieces.covered_on, pieces.symbol, pieces.from_ns
