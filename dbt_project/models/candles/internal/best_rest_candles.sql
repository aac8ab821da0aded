{{ config(materialized='view') }}

-- Rows stay as Kraken gave them; only the policy omit, which wants no row, takes the empty ones away. Its OHLC endpoint lacks
-- trades of some years that its downloads have, so a candle of theirs with more trades comes first.
with

rest as (
    select
        *,
        bucket_start_ns + timeframe_seconds * 1000000000 as bucket_end_ns,
        trade_count = 0 as is_empty
    from {{ ref('rest_versions') }}
    where is_newest
)

select
    rest.symbol,
    rest.timeframe,
    rest.bucket_on,
    rest.bucket_start_ns,
    rest.bucket_end_ns,
    rest.open,
    rest.high,
    rest.low,
    rest.close,
    rest.base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    rest.vwap,
    rest.trade_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    rest.is_empty,
    {{ is_outside_of_ours('rest') }}
    and not coalesce(archive.trade_count > rest.trade_count, false)
    and not (rest.is_empty and {{ empty_bucket_policy('rest.symbol', 'rest.timeframe') }} = 'omit') as is_best
from rest
{{ joined_with_ours('rest') }}
left join {{ ref('chosen_archive_candles') }} as archive
    on
        rest.symbol = archive.symbol
        and rest.timeframe = archive.timeframe
        and {{ timestamp_from_ns('rest.bucket_start_ns') }} = archive.bucket_start
