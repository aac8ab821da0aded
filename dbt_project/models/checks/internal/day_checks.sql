{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    pre_hook="{{ kraken_candles.clear_pending_units() }}",
    post_hook="{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
) }}

{%- set day_ns = 86400000000000 %}
{%- set day_start_ns = ns_from_timestamp('cast(units.bucket_on as timestamp)') %}

-- What can be said of each unit from its own rows. A wrong row is counted as long as it stands, so that no later build forgets
-- it.
with

units as (
    select
        bucket_on,
        symbol,
        timeframe,
        count(*) as candle_count,
        count(*) - count(distinct bucket_start_ns) as doubled_count,
        sum(case when is_closed then 1 else 0 end) as closed_count,
        sum(trade_count) as trade_count,
        {{ sum_exact('base_volume') }} as base_volume,
        sum(
            case
                when
                    (low <= open and low <= close and open <= high and close <= high)
                    and (vwap is null or (low <= vwap and vwap <= high))
                    and (vwap is null) = (base_volume = 0)
                    and trade_count > 0
                    and quote_volume is not null
                    and close is not null
                    and not is_empty
                    then 0
                when
                    is_empty
                    and trade_count = 0
                    and base_volume = 0
                    and quote_volume = 0
                    and coalesce(open, high, low, close, vwap) is null
                    and coalesce(first_trade_id, last_trade_id) is null
                    then 0
                else 1
            end
        ) as unsound_count
    from {{ built_candles() }} as built
    where
        {{ pending_bounds('bucket_on', days_before=longest_days()) }}
        and (timeframe, symbol, bucket_on) in {{ pending_units() }}
    group by bucket_on, symbol, timeframe
),

-- the buckets of the grid that start on the day
expected as (
    select
        units.*,
        {{ bucket_start(day_start_ns ~ ' + ' ~ day_ns ~ ' - 1', 'timeframes.size_ns', 'timeframes.offset_ns') }} as last_start_ns,
        {{ bucket_start(day_start_ns ~ ' + timeframes.size_ns - 1', 'timeframes.size_ns', 'timeframes.offset_ns') }}
            as first_start_ns,
        timeframes.size_ns
    from units
    inner join {{ ref('timeframes') }} as timeframes on units.timeframe = timeframes.timeframe
),

made as (
    select
        candle_count,
        doubled_count,
        cast(closed_count as bigint) as closed_count,
        closed_count * size_ns = last_start_ns - first_start_ns + size_ns as is_complete,
        cast(trade_count as bigint) as trade_count,
        cast(base_volume as decimal(38, 12)) as base_volume,
        cast(unsound_count as bigint) as unsound_count,
        timeframe,
        bucket_on,
        symbol
    from expected
)

{{ kept_beside('made', pending_units()) }}
