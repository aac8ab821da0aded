{{ config(materialized='view') }}

-- Rows of the OHLC endpoint stay as Kraken gave them; only the policy omit, which wants no row, takes the empty ones away. It
-- lacks trades of some years that the downloads have, so a candle of theirs with more trades comes first; with as many, that of
-- the endpoint, which has a vwap. A view, for what a query asks for does not reach through a CTE that stands in it twice.
with

rest as (
    select
        *,
        bucket_start_ns + timeframe_seconds * 1000000000 as bucket_end_ns,
        trade_count = 0 as is_empty
    from {{ ref('rest_versions') }}
    where is_newest
),

archive as (
    select
        *,
        trade_count = 0 as is_empty
    from {{ chosen_archive_candles() }} as chosen
)

select
    cast('rest' as {{ dbt.type_string() }}) as source,
    rest.symbol,
    rest.timeframe,
    rest.bucket_on,
    {{ timestamp_from_ns('rest.bucket_start_ns') }} as bucket_start,
    rest.bucket_start_ns,
    rest.bucket_end_ns,
    rest.open,
    rest.high,
    rest.low,
    rest.close,
    rest.base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    rest.vwap,
    rest.trade_count,
    cast(null as bigint) as taker_buy_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    rest.is_empty,
    {{ is_outside_of_ours('rest') }}
    and not coalesce(archive.trade_count > rest.trade_count, false)
    and not (rest.is_empty and {{ empty_bucket_policy('rest.symbol', 'rest.timeframe') }} = 'omit') as is_best
from rest
{{ joined_with_ours('rest') }}
left join {{ chosen_archive_candles() }} as archive
    on
        rest.symbol = archive.symbol
        and rest.timeframe = archive.timeframe
        and {{ timestamp_from_ns('rest.bucket_start_ns') }} = archive.bucket_start
union all
select
    cast('archive' as {{ dbt.type_string() }}) as source,
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
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    cast(null as decimal(38, 12)) as vwap,
    archive.trade_count,
    cast(null as bigint) as taker_buy_count,
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
