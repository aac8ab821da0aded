{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    post_hook="{{ kraken_candles.set_marks(['load_versions']) }}",
) }}

{%- set is_new = '_dlt_load_id not in (select stored.load_id from ' ~ this ~ ' as stored)' if is_incremental() else 'true' %}

-- By load, too, so that a row never changes, whatever comes later. Loads that were cut off are never pending: of their answers a
-- part may be missing, which would look like candles that Kraken left out.
with

answers as (
    select
        symbol,
        timeframe,
        timeframe_seconds,
        fetched_at,
        _dlt_load_id as load_id,
        min({{ ns_from_timestamp('bucket_start') }}) as first_bucket_ns,
        max({{ ns_from_timestamp('bucket_start') }}) as last_bucket_ns,
        count(*) as row_count,
        count(distinct bucket_start) as bucket_count
    from {{ source('kraken_raw', 'rest_candles').include(database=false) }}
    where
        {{ pending_loads() }}
        -- after a change of settings all loads are pending again
        and {{ is_new }}
    group by symbol, timeframe, timeframe_seconds, fetched_at, _dlt_load_id
)

select
    symbol,
    timeframe,
    timeframe_seconds,
    fetched_at,
    first_bucket_ns,
    last_bucket_ns,
    row_count,
    bucket_count,
    (bucket_count - 1) * timeframe_seconds * 1000000000 = last_bucket_ns - first_bucket_ns as is_whole,
    load_id,
    {{ next_version('rest_snapshots') }} as version
from answers
order by fetched_at, symbol, timeframe_seconds
