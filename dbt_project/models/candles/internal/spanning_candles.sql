{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='append_new_columns',
    meta={'form': 2},
    pre_hook=[
        "{{ kraken_candles.remember_candles(kraken_candles.longest_days()) }}",
        "{{ kraken_candles.clear_pending_units('spanning') }}",
    ],
    post_hook=[
        "{{ kraken_candles.keep_replaced_candles(kraken_candles.longest_days()) }}",
        "{{ kraken_candles.set_marks(['day_versions'], ['day_candles']) }}",
    ],
) }}

{%- set plan = timeframe_plan() %}
{%- set spanning = plan | selectattr('spans_days') | list %}
{%- set stored = plan | rejectattr('spans_days') | map(attribute='name') | list %}

-- Buckets that may reach over midnight, from the candles of a day. Such a bucket lies wholly inside one coverage range only if all the
-- finer ones in it do, so nothing that it needs is missing below, but for what absent_spanning() names.
with

finer as (
    select
        *,
        cast(0 as bigint) as piece_from_ns
    from {{ ref('day_candles') }}
    where
        timeframe in ('{{ spanning | map(attribute='base') | unique | join("', '") }}')
        and {{ pending_bounds('bucket_on', days_before=longest_days(), days_after=longest_days()) }}
),

{% for timeframe in spanning -%}
traded_{{ timeframe.name }} as (
    {%- if timeframe.parent in stored -%}
    {%- set parts = "(select * from finer where timeframe = '" ~ timeframe.parent ~ "' and not is_empty) as parts" -%}
    {%- else -%}
    {%- set parts = 'traded_' ~ timeframe.parent -%}
    {%- endif -%}
    {{ candles_of_candles(parts, timeframe) }}
),

{% endfor -%}

traded as (
    {% for timeframe in spanning %}
    select
        '{{ timeframe.name }}' as timeframe,
        traded_{{ timeframe.name }}.*
    from traded_{{ timeframe.name }}
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select * from finer
    where false
    {% endfor %}
),

grid as (
    select
        ranges.symbol,
        ranges.covered_to_ns,
        timeframes.timeframe,
        timeframes.base_timeframe,
        timeframes.size_ns,
        {{ bucket_series(
            bucket_start('ranges.covered_from_ns + timeframes.size_ns - 1', 'timeframes.size_ns', 'timeframes.offset_ns'),
            'case when ranges.is_latest then ranges.covered_to_ns else '
            ~ bucket_start('ranges.covered_to_ns', 'timeframes.size_ns', 'timeframes.offset_ns') ~ ' end',
            'timeframes.size_ns'
        ) }} as bucket_start_ns
    from {{ ref('coverage') }} as ranges
    cross join {{ ref('timeframes') }} as timeframes
    where timeframes.spans_days
),

units as (
    select
        *,
        cast({{ timestamp_from_ns('bucket_start_ns') }} as date) as bucket_on
    from grid
),

made as (
    select
        units.bucket_start_ns,
        units.bucket_start_ns + units.size_ns as bucket_end_ns,
        traded.open,
        traded.high,
        traded.low,
        traded.close,
        first_part.close_before,
        cast(coalesce(traded.base_volume, 0) as decimal(38, 12)) as base_volume,
        cast(coalesce(traded.quote_volume, 0) as decimal(38, 24)) as quote_volume,
        {{ taker_buys_of_bucket('traded.') }},
        {{ divide_cut('traded.quote_volume', 'traded.base_volume') }} as vwap,
        cast(coalesce(traded.trade_count, 0) as bigint) as trade_count,
        traded.first_trade_id,
        traded.last_trade_id,
        traded.trade_count is null as is_empty,
        units.bucket_start_ns + units.size_ns <= units.covered_to_ns as is_closed,
        units.timeframe,
        units.bucket_on,
        units.symbol
    from units
    left join traded
        on
            units.symbol = traded.symbol
            and units.timeframe = traded.timeframe
            and units.bucket_start_ns = traded.bucket_start_ns
    left join {{ absent_spanning() }} as absent
        on
            units.symbol = absent.symbol
            and units.timeframe = absent.timeframe
            and units.bucket_start_ns = absent.bucket_start_ns
    left join finer as first_part
        on
            units.symbol = first_part.symbol
            and units.base_timeframe = first_part.timeframe
            and units.bucket_start_ns = first_part.bucket_start_ns
    where absent.symbol is null and (units.timeframe, units.symbol, units.bucket_on) in {{ pending_units('spanning') }}
)

{{ kept_beside('made', pending_units('spanning')) }}
order by bucket_start_ns, symbol, timeframe
