{{ config(materialized='ephemeral') }}

with

-- The last traded candle before the span gives the close that Kraken repeats in the span's first empty buckets.
spans as (
    select
        spans.symbol,
        spans.timeframe,
        spans.first_bucket_ns,
        {{ timestamp_from_ns('spans.first_bucket_ns') }} as first_bucket,
        {{ timestamp_from_ns('spans.last_bucket_ns') }} as last_bucket,
        spans.fetched_at,
        max(candles.bucket_start) as carry_from
    from {{ ref('rest_spans') }} as spans
    left join {{ ref('candles') }} as candles
        on
            spans.symbol = candles.symbol
            and spans.timeframe = candles.timeframe
            and candles.bucket_start <= {{ timestamp_from_ns('spans.first_bucket_ns') }}
            and not candles.is_empty
    group by spans.symbol, spans.timeframe, spans.first_bucket_ns, spans.last_bucket_ns, spans.fetched_at
),

closed as (
    select
        candles.*,
        spans.first_bucket_ns,
        spans.first_bucket,
        spans.fetched_at,
        coverage.covered_from_ns
    from spans
    inner join {{ ref('candles') }} as candles
        on
            spans.symbol = candles.symbol
            and spans.timeframe = candles.timeframe
            and candles.bucket_start between coalesce(spans.carry_from, spans.first_bucket) and spans.last_bucket
            and candles.is_closed
    inner join {{ ref('coverage') }} as coverage
        on
            candles.symbol = coverage.symbol
            and {{ ns_from_timestamp('candles.bucket_start') }} >= coverage.covered_from_ns
            and {{ ns_from_timestamp('candles.bucket_end') }} <= coverage.covered_to_ns
),

carried as (
    select
        *,
        {{ last_known('close', 'symbol, timeframe, first_bucket_ns, covered_from_ns', 'bucket_start') }} as close_before
    from closed
)

select
    symbol,
    timeframe,
    {{ ns_from_timestamp('bucket_start') }} as bucket_start_ns,
    open,
    high,
    low,
    close,
    base_volume,
    quote_volume,
    vwap,
    trade_count,
    is_empty,
    close_before,
    fetched_at
from carried
where bucket_start >= first_bucket
