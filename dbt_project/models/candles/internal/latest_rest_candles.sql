{{ config(materialized='ephemeral') }}

with

snapshots as (
    select
        *,
        {{ ns_from_timestamp('bucket_start') }} as bucket_start_ns,
        row_number() over (partition by symbol, timeframe, bucket_start order by fetched_at desc) as newness
    from {{ ref('stg_rest_candles') }}
)

select
    symbol,
    timeframe,
    bucket_start_ns,
    bucket_start_ns + timeframe_seconds * 1000000000 as bucket_end_ns,
    open,
    high,
    low,
    close,
    base_volume,
    case when trade_count > 0 then vwap end as vwap,
    trade_count,
    trade_count = 0 as is_empty,
    fetched_at
from snapshots
where newness = 1
