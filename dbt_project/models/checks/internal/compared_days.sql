{%- set producers = compared_producers() + ['archive_spans'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='append_new_columns',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_base_volume', 'kraken_candles_tolerance_archive_volume',
        'kraken_candles_tolerance_archive_volume_relative', 'kraken_candles_tolerance_trade_count', 'kraken_candles_vwap_steps',
    ], 'form': 2},
    pre_hook="{{ kraken_candles.clear_changed_units(
        kraken_candles.counted_units(), kraken_candles.compared_producers() + ['archive_spans']
    ) }}",
    post_hook=[
        "{{ kraken_candles.set_marks(
            ['day_versions'], ['compared_candles', 'compared_archive_candles'], {'compared_archive_candles': 'archive_spans'}
        ) }}",
        "{{ kraken_candles.set_marks(kraken_candles.compared_producers()[1:], ['compared_candles']) }}",
        "{{ kraken_candles.set_marks(['archive_spans'], ['compared_archive_candles']) }}",
    ],
) }}

{%- set units = counted_units() %}
{%- set statuses = compared_statuses('rest') + ['unknown_there'] %}

-- Small enough for tests to read whole, so that an old red day stays red.
with

given as (
    select
        'rest' as referee,
        timeframe,
        symbol,
        bucket_on,
        count(distinct bucket_start_ns) as bucket_count,
        sum(case when is_newest then 1 else 0 end) as candle_count
    from {{ ref('rest_versions') }}
    where {{ is_unit(units, producers) }}
    group by timeframe, symbol, bucket_on
),

candles as (
    {% for referee, model in [('rest', 'compared_candles'), ('archive', 'compared_archive_candles')] %}
    select
        '{{ referee }}' as referee,
        timeframe,
        symbol,
        bucket_on,
        bucket_start_ns,
        bucket_status,
        {{ 'fetched_at' if referee == 'rest' else 'cast(null as timestamp) as fetched_at' }}
    from {{ ref(model) }}
    where {{ is_unit(units, producers) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

compared as (
    select
        referee,
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
    from candles
    group by referee, timeframe, symbol, bucket_on
),

-- Columns that came later stand behind the others, where Spark adds them to a table.
made as (
    select
        cast(coalesce(given.candle_count, 0) as bigint) as rest_candle_count,
        cast(coalesce(given.bucket_count, 0) as bigint) as rest_bucket_count,
        cast(coalesce(compared.row_count, 0) as bigint) as compared_count,
        cast(coalesce(compared.bucket_count, 0) as bigint) as compared_bucket_count,
        {% for status in compared_statuses('rest') %}
        cast(coalesce(compared.{{ status }}_count, 0) as bigint) as {{ status }}_count,
        {% endfor %}
        compared.first_fetched_at,
        compared.last_fetched_at,
        coalesce(given.timeframe, compared.timeframe) as timeframe,
        coalesce(given.bucket_on, compared.bucket_on) as bucket_on,
        cast(coalesce(given.referee, compared.referee) as {{ dbt.type_string() }}) as referee,
        cast(coalesce(compared.unknown_there_count, 0) as bigint) as unknown_there_count,
        coalesce(given.symbol, compared.symbol) as symbol
    from given
    full outer join compared
        on
            given.referee = compared.referee
            and given.timeframe = compared.timeframe
            and given.symbol = compared.symbol
            and given.bucket_on = compared.bucket_on
)

{{ kept_beside('made', units) }}
order by bucket_on, symbol
