{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_archive_volume',
        'kraken_candles_tolerance_archive_volume_relative', 'kraken_candles_tolerance_trade_count',
    ], 'form': 2},
    pre_hook="{{ kraken_candles.clear_archive_units(['day_versions', 'archive_spans']) }}",
    post_hook="{{ kraken_candles.set_marks(['day_versions', 'archive_spans'], ['compared_archive_candles']) }}",
) }}

{%- set producers = ['day_versions', 'archive_spans'] %}
{%- set units = archive_units(producers) %}

-- Small enough for tests to read whole, so that an old red day stays red.
with

made as (
    select
        count(*) as compared_count,
        count(distinct bucket_start_ns) as compared_bucket_count,
        {% for status in compared_statuses('archive') %}
        cast(sum(case when bucket_status = '{{ status }}' then 1 else 0 end) as bigint) as {{ status }}_count,
        {% endfor %}
        timeframe,
        bucket_on,
        symbol
    from {{ ref('compared_archive_candles') }}
    where {{ is_unit(units, producers) }}
    group by timeframe, symbol, bucket_on
)

{{ kept_beside('made', units) }}
order by bucket_on, symbol
