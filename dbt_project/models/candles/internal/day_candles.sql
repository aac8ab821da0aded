{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol', 'bucket_on']),
    on_schema_change='append_new_columns',
    meta={'form': 2},
    pre_hook=["{{ kraken_candles.remember_candles() }}", "{{ kraken_candles.clear_pending_days('bucket_on') }}"],
    post_hook=["{{ kraken_candles.keep_replaced_candles() }}", "{{ kraken_candles.set_marks(['day_versions']) }}"],
) }}

{%- set day_timeframes = timeframe_plan() | rejectattr('spans_days') | list %}

-- The second pass over the trades of a day: the only place where trades become candles. No type changes here: they would cost
-- more than the aggregate itself. Where trades are removed, kept candles take their place.
with

pieces as (
    select * from {{ ref('verified_days') }}
    where is_sound and (symbol, covered_on) in {{ pending_days() }}
),

-- Pieces of a day that meet, of two sources, share the bucket in which they do.
stretches as (
    select
        symbol,
        covered_on,
        stretch_from_ns as from_ns,
        max(to_ns) as to_ns,
        max(case when is_last then 1 else 0 end) = 1 as is_last,
        max(case when is_bare then 1 else 0 end) = 1 as is_bare,
        max(case when from_ns = stretch_from_ns then close_before end) as close_before
    from pieces
    group by symbol, covered_on, stretch_from_ns
),

trades as (
    {{ proven_trades('pieces') }}
),

{% for timeframe in day_timeframes -%}
traded_{{ timeframe.name }} as (
    {%- if timeframe.parent %}{{ candles_of_candles('traded_' ~ timeframe.parent, timeframe) }}
    {%- else %}{{ candles_of_trades('trades', timeframe) }}{% endif -%}
),

{% endfor -%}

traded as (
    {% for timeframe in day_timeframes %}
    select
        '{{ timeframe.name }}' as timeframe,
        traded_{{ timeframe.name }}.*
    from traded_{{ timeframe.name }}
    union all
    {% endfor %}
    {{- held_candles('pieces') }}
),

grid as (
    select
        stretches.symbol,
        stretches.from_ns as piece_from_ns,
        stretches.to_ns as piece_to_ns,
        timeframes.timeframe,
        timeframes.size_ns,
        {{ bucket_series(
            bucket_start('stretches.from_ns + timeframes.size_ns - 1', 'timeframes.size_ns'),
            'case when stretches.is_last then stretches.to_ns else ' ~ bucket_start('stretches.to_ns', 'timeframes.size_ns') ~ ' end',
            'timeframes.size_ns'
        ) }} as bucket_start_ns
    from stretches
    cross join {{ ref('timeframes') }} as timeframes
    left join {{ bare_timeframes() }} as bare
        on stretches.symbol = bare.symbol and stretches.covered_on = bare.bare_on and timeframes.timeframe = bare.timeframe
    where not timeframes.spans_days and (not stretches.is_bare or bare.coarsest_ns is not null)
),

-- A bucket with trades that is not on the grid is one that coverage cuts; its close is known all the same.
filled as (
    select
        coalesce(grid.symbol, traded.symbol) as symbol,
        coalesce(grid.timeframe, traded.timeframe) as timeframe,
        coalesce(grid.piece_from_ns, traded.piece_from_ns) as piece_from_ns,
        coalesce(grid.bucket_start_ns, traded.bucket_start_ns) as bucket_start_ns,
        grid.bucket_start_ns + grid.size_ns as bucket_end_ns,
        grid.bucket_start_ns + grid.size_ns <= grid.piece_to_ns as is_closed,
        traded.open,
        traded.high,
        traded.low,
        traded.close,
        traded.base_volume,
        traded.quote_volume,
        traded.taker_buy_base_volume,
        traded.taker_buy_quote_volume,
        traded.taker_buy_count,
        traded.trade_count,
        traded.first_trade_id,
        traded.last_trade_id
    from grid
    full outer join traded
        on
            grid.symbol = traded.symbol
            and grid.timeframe = traded.timeframe
            and grid.piece_from_ns = traded.piece_from_ns
            and grid.bucket_start_ns = traded.bucket_start_ns
),

carried as (
    select
        *,
        {{ last_known('close', 'symbol, timeframe, piece_from_ns', 'bucket_start_ns') }} as close_before
    from filled
)

select
    carried.timeframe,
    carried.bucket_start_ns,
    carried.bucket_end_ns,
    carried.open,
    carried.high,
    carried.low,
    carried.close,
    cast(coalesce(carried.close_before, stretches.close_before) as decimal(38, 12)) as close_before,
    cast(coalesce(carried.base_volume, 0) as decimal(38, 12)) as base_volume,
    cast(coalesce(carried.quote_volume, 0) as decimal(38, 24)) as quote_volume,
    {{ taker_buys_of_bucket('carried.') }},
    {{ divide_cut('carried.quote_volume', 'carried.base_volume') }} as vwap,
    cast(coalesce(carried.trade_count, 0) as bigint) as trade_count,
    carried.first_trade_id,
    carried.last_trade_id,
    carried.trade_count is null as is_empty,
    carried.is_closed,
    carried.symbol,
    stretches.covered_on as bucket_on
from carried
inner join stretches on carried.symbol = stretches.symbol and carried.piece_from_ns = stretches.from_ns
where carried.bucket_end_ns is not null
order by carried.bucket_start_ns, carried.symbol, carried.timeframe
