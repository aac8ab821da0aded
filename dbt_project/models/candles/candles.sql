select
    buckets.symbol,
    buckets.timeframe,
    {{ timestamp_from_ns('buckets.bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('buckets.bucket_end_ns') }} as bucket_end,
    traded.open,
    traded.high,
    traded.low,
    traded.close,
    cast(coalesce(traded.base_volume, 0) as decimal(38, 12)) as base_volume,
    cast(coalesce(traded.quote_volume, 0) as decimal(38, 24)) as quote_volume,
    {{ divide_cut('traded.quote_volume', 'traded.base_volume') }} as vwap,
    cast(coalesce(traded.trade_count, 0) as bigint) as trade_count,
    traded.first_trade_id,
    traded.last_trade_id,
    traded.symbol is null as is_empty,
    buckets.is_closed,
    cast('trades' as string) as source
from {{ ref('candle_buckets') }} as buckets
left join {{ ref('candle_rollups') }} as traded
    on
        buckets.symbol = traded.symbol
        and buckets.timeframe = traded.timeframe
        and buckets.bucket_start_ns = traded.bucket_start_ns
order by 1, 2, 3
