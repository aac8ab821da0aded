{{ config(materialized='ephemeral') }}

-- Where coverage holds a bucket, trades decide it, also that nothing traded: Kraken's candle is the best there is only outside of
-- it, and where ours cannot be made any more. Its rows stay as Kraken gave them; only the policy omit, which wants no row, takes
-- the empty ones away.
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
    (
        ours.timeframe is null
        or (
            ours.size_ns = rest.timeframe_seconds * 1000000000
            and ours.offset_ns = 0
            and (coverage.symbol is null or absent.symbol is not null)
        )
    )
    and not (rest.is_empty and {{ empty_bucket_policy('rest.symbol', 'rest.timeframe') }} = 'omit') as is_best
from rest
left join {{ ref('timeframes') }} as ours on rest.timeframe = ours.timeframe
left join {{ ref('coverage') }} as coverage
    on
        rest.symbol = coverage.symbol
        and rest.bucket_start_ns >= coverage.covered_from_ns
        and rest.bucket_end_ns <= coverage.covered_to_ns
left join {{ ref('absent_days') }} as absent
    on rest.symbol = absent.symbol and rest.timeframe = absent.timeframe and rest.bucket_on = absent.bucket_on
