{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    pre_hook="{{ kraken_candles.clear_pending_units() }}",
    post_hook="{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
) }}

{%- set plan = timeframe_plan() %}
{%- set rolled = plan | rejectattr('parent', 'none') | list %}
{%- set fields = ['open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'trade_count'] %}

-- Every candle against the finest candles it spans, in one step: the way up went over the timeframes between. Where the finest ones
-- cannot be made any more, there is nothing to compare with.
with

rootless as (
    {% for timeframe in rolled %}
    {%- set first_on = "cast(bucket_on - interval '" ~ (timeframe.seconds - 1) // 86400 ~ "' day as date)" if timeframe.spans_days else 'bucket_on' %}
    select
        '{{ timeframe.name }}' as timeframe,
        symbol,
        {{ days_between(first_on, 'bucket_on') }} as bucket_on
    from {{ ref('absent_days') }}
    where timeframe = '{{ timeframe.root }}'
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select * from {{ ref('absent_days') }}
    where false
    {% endfor %}
),

built as (
    select * from {{ built_candles() }} as ours
    where {{ pending_bounds('bucket_on', days_before=longest_days(), days_after=longest_days()) }}
),

spanned as (
    {% for timeframe in rolled %}
    select
        symbol,
        '{{ timeframe.name }}' as timeframe,
        {{ bucket_start('bucket_start_ns', timeframe.size_ns, timeframe.offset_ns) }} as bucket_start_ns,
        {{ first_by('open', 'bucket_start_ns') }} as open,
        max(high) as high,
        min(low) as low,
        {{ last_by('close', 'bucket_start_ns') }} as close,
        {{ sum_exact('base_volume') }} as base_volume,
        {{ sum_exact('quote_volume') }} as quote_volume,
        sum(trade_count) as trade_count
    from built
    where timeframe = '{{ timeframe.root }}' and not is_empty
    group by 1, 2, 3
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select * from built
    where false
    {% endfor %}
),

made as (
    select
        count(*) as candle_count,
        cast(sum(case when
            built.is_empty <> (spanned.symbol is null)
            {% for field in fields -%}
            or built.{{ field }} <> spanned.{{ field }}
            {% endfor -%}
        then 1 else 0 end) as bigint) as difference_count,
        built.timeframe,
        built.bucket_on,
        built.symbol
    from built
    left join spanned
        on
            built.symbol = spanned.symbol
            and built.timeframe = spanned.timeframe
            and built.bucket_start_ns = spanned.bucket_start_ns
    where
        built.timeframe in ('{{ rolled | map(attribute="name") | join("', '") }}')
        and (built.timeframe, built.symbol, built.bucket_on) in {{ pending_units() }}
        and (built.timeframe, built.symbol, built.bucket_on) not in (
            select
                rootless.timeframe,
                rootless.symbol,
                rootless.bucket_on
            from rootless
        )
    group by built.timeframe, built.symbol, built.bucket_on
)

{{ kept_beside('made', pending_units()) }}
