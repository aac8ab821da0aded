{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_base_volume', 'kraken_candles_tolerance_trade_count',
        'kraken_candles_vwap_steps',
    ]},
    pre_hook="{{ kraken_candles.clear_compared_units() }}",
    post_hook="{{ kraken_candles.set_marks(kraken_candles.compared_producers(), ['compared_candles']) }}",
) }}

{%- set statuses = compared_statuses() %}

-- Small enough for tests to read whole, so that an old red day stays red.
with

given as (
    select
        timeframe,
        symbol,
        bucket_on,
        count(distinct bucket_start_ns) as bucket_count,
        sum(case when is_newest then 1 else 0 end) as candle_count
    from {{ ref('rest_versions') }}
    where {{ is_compared_unit() }}
    group by timeframe, symbol, bucket_on
),

compared as (
    select
        timeframe,
        symbol,
        bucket_on,
        {% for status in statuses %}
        sum(case when bucket_status = '{{ status }}' then 1 else 0 end) as {{ status }}_count,
        {% endfor %}
        count(*) as row_count,
        count(distinct bucket_start_ns) as bucket_count,
        min(fetched_at) as first_fetched_at,
        max(fetched_at) as last_fetched_at
    from {{ ref('compared_candles') }}
    where {{ is_compared_unit() }}
    group by timeframe, symbol, bucket_on
),

made as (
    select
        cast(coalesce(given.candle_count, 0) as bigint) as rest_candle_count,
        cast(coalesce(given.bucket_count, 0) as bigint) as rest_bucket_count,
        cast(coalesce(compared.row_count, 0) as bigint) as compared_count,
        cast(coalesce(compared.bucket_count, 0) as bigint) as compared_bucket_count,
        {% for status in statuses %}
        cast(coalesce(compared.{{ status }}_count, 0) as bigint) as {{ status }}_count,
        {% endfor %}
        compared.first_fetched_at,
        compared.last_fetched_at,
        coalesce(given.timeframe, compared.timeframe) as timeframe,
        coalesce(given.bucket_on, compared.bucket_on) as bucket_on,
        coalesce(given.symbol, compared.symbol) as symbol
    from given
    full outer join compared
        on given.timeframe = compared.timeframe and given.symbol = compared.symbol and given.bucket_on = compared.bucket_on
)

{{ kept_beside('made', compared_units()) }}
order by bucket_on, symbol
