{{ config(
    tags=['bars'],
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol', 'traded_on']),
    full_refresh=false,
    on_schema_change='append_new_columns',
    meta={'settings': ['kraken_candles_bars']},
    pre_hook="{{ kraken_candles.clear_bars() }}",
    post_hook="{{ kraken_candles.set_marks(['day_versions']) }}",
) }}

{%- set bars = bar_plan() %}
{%- set day_start_ns = ns_from_timestamp('cast(numbered.traded_on as timestamp)') %}
{%- set through_trade = {
    'trades': 'row_number() over in_order', 'base_volume': sum_exact('volume', 'in_order'),
    'quote_volume': sum_exact(multiply_exact('price', 'volume'), 'in_order'),
} %}
{%- set own = {'trades': '1', 'base_volume': 'volume', 'quote_volume': multiply_exact('price', 'volume')} %}
{%- set measures = bars | map(attribute='measure') | unique | list %}

-- Days are the unit: each day, and behind a gap in it, counts from 0, so a bar lies within proven time and one day is built as
-- all are. A trade belongs to the bar in which what was traded before it ends; trades are not split.
with

pieces as (
    select * from {{ ref('verified_days') }}
    where is_sound and (symbol, covered_on) in {{ pending_days() }}
),

stretches as (
    select
        symbol,
        covered_on,
        stretch_from_ns,
        max(to_ns) as to_ns
    from pieces
    group by symbol, covered_on, stretch_from_ns
),

trades as (
    {{ proven_trades('pieces') }}
),

counted as (
    select
        {% for measure in measures -%}
        {{ through_trade[measure] }} as {{ measure }}_through,
        {% endfor -%}
        trades.*
    from trades
    window in_order as (
        partition by symbol, traded_on, piece_from_ns order by trade_order
        rows between unbounded preceding and current row
    )
),

placed as (
    {% for bar in bars %}
    {%- set through = bar.measure ~ '_through' %}
    select
        counted.*,
        '{{ bar.name }}' as bar,
        '{{ bar.bar_size }}' as bar_size,
        {{ divide_floor(through ~ ' - ' ~ own[bar.measure], bar.size) }} as place,
        {{ divide_floor(through, bar.size) }} as place_after
    from counted
    {%- if bar.symbols %}
    where symbol in ('{{ bar.symbols | join("', '") }}')
    {%- endif %}
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select
        counted.*,
        '' as bar,
        '' as bar_size,
        cast(0 as bigint) as place,
        cast(0 as bigint) as place_after
    from counted
    where false
    {% endfor %}
),

made as (
    select
        bar,
        bar_size,
        symbol,
        traded_on,
        piece_from_ns,
        place,
        min(time_ns) as first_time_ns,
        max(time_ns) as last_time_ns,
        {{ first_by('price', 'trade_order') }} as open,
        max(price) as high,
        min(price) as low,
        {{ last_by('price', 'trade_order') }} as close,
        {{ sum_exact('volume') }} as base_volume,
        {{ sum_exact(multiply_exact('price', 'volume')) }} as quote_volume,
        {{ taker_buys_of_trades() }},
        count(*) as trade_count,
        min(nullif(trade_id, 0)) as first_trade_id,
        max(nullif(trade_id, 0)) as last_trade_id,
        max(place_after) > place as is_full
    from placed
    group by bar, bar_size, symbol, traded_on, piece_from_ns, place
),

numbered as (
    select
        *,
        row_number() over (partition by bar, symbol, traded_on order by piece_from_ns, place) as bar_number
    from made
)

select
    cast(numbered.bar as {{ dbt.type_string() }}) as bar,
    cast(numbered.bar_size as {{ dbt.type_string() }}) as bar_size,
    cast(numbered.bar_number as bigint) as bar_number,
    {{ timestamp_from_ns('numbered.first_time_ns') }} as first_traded_at,
    {{ timestamp_from_ns('numbered.last_time_ns') }} as last_traded_at,
    numbered.first_time_ns,
    numbered.last_time_ns,
    numbered.open,
    numbered.high,
    numbered.low,
    numbered.close,
    cast(numbered.base_volume as decimal(38, 12)) as base_volume,
    cast(numbered.quote_volume as decimal(38, 24)) as quote_volume,
    {{ taker_buys_of_bucket('numbered.') }},
    {{ divide_cut('numbered.quote_volume', 'numbered.base_volume') }} as vwap,
    cast(numbered.trade_count as bigint) as trade_count,
    numbered.first_trade_id,
    numbered.last_trade_id,
    numbered.is_full,
    numbered.piece_from_ns = {{ day_start_ns }} and (numbered.is_full or stretches.to_ns >= {{ day_start_ns }} + 86400000000000)
        as is_closed,
    numbered.symbol,
    numbered.traded_on
from numbered
inner join stretches
    on
        numbered.symbol = stretches.symbol
        and numbered.traded_on = stretches.covered_on
        and numbered.piece_from_ns = stretches.stretch_from_ns
order by numbered.symbol, numbered.bar, numbered.traded_on, numbered.bar_number
