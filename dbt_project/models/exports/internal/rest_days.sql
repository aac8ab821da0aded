{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': ['kraken_candles_empty_bucket_policy', 'kraken_candles_empty_bucket_overrides'], 'form': 2},
    pre_hook="{{ kraken_candles.clear_rest_units() }}",
    post_hook="{{ kraken_candles.set_marks(kraken_candles.rest_producers()) }}",
) }}

-- What certified_days is for our candles, for Kraken's: so that an export knows what changed. Where coverage or a download
-- changed, is_best may have.
with

made as (
    select
        count(*) as row_count,
        md5({{ joined_in_order(
            'md5(concat(' ~ candle_text() ~ ', ' ~ text_of('is_best') ~ '))', 'bucket_start_ns'
        ) }}) as content_hash,
        timeframe,
        bucket_on,
        symbol
    from {{ ref('best_exchange_candles') }}
    where source = 'rest' and {{ is_rest_unit() }}
    group by timeframe, symbol, bucket_on
)

{{ kept_beside('made', rest_units()) }}
