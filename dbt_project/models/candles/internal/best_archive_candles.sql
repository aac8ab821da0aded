{{ config(materialized='view') }}

-- A candle of Kraken's OHLC endpoint with as many trades comes first: it has a vwap. A view, for what a query asks for
-- does not reach through a CTE that stands in it twice.
with

archive as (
    select
        *,
        trade_count = 0 as is_empty
    from {{ ref('chosen_archive_candles') }}
)

select
    archive.symbol,
    archive.timeframe,
    archive.bucket_on,
    archive.bucket_start,
    archive.bucket_start_ns,
    archive.bucket_end_ns,
    archive.open,
    archive.high,
    archive.low,
    archive.close,
    archive.base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as decimal(38, 12)) as vwap,
    archive.trade_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    archive.is_empty,
    (rest.symbol is null or archive.trade_count > rest.trade_count)
    and {{ is_outside_of_ours('archive') }}
    and not (archive.is_empty and {{ empty_bucket_policy('archive.symbol', 'archive.timeframe') }} = 'omit') as is_best
from archive
{{ joined_with_ours('archive') }}
left join {{ ref('rest_versions') }} as rest
    on
        archive.symbol = rest.symbol
        and archive.timeframe = rest.timeframe
        and archive.bucket_on = rest.bucket_on
        and archive.bucket_start_ns = rest.bucket_start_ns
        and rest.is_newest
