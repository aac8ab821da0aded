{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    pre_hook="{{ kraken_candles.clear_archive_units(['archive_spans']) }}",
    post_hook="{{ kraken_candles.set_marks(['archive_spans']) }}",
) }}

{%- set units = archive_units(['archive_spans']) %}

-- Counted once, when a file comes to speak for the day: the rows of a file never change.
with

made as (
    select
        count(*) as candle_count,
        count(distinct bucket_start) as bucket_count,
        cast(
            sum(
                case
                    when
                        (low <= open and low <= close and open <= high and close <= high)
                        and low > 0
                        and base_volume >= 0
                        and trade_count >= 0
                        then 0
                    else 1
                end
            ) as bigint
        ) as unsound_count,
        timeframe,
        bucket_on,
        symbol
    from {{ ref('chosen_archive_candles') }}
    where {{ is_archive_unit(['archive_spans']) }}
    group by timeframe, symbol, bucket_on
)

{{ kept_beside('made', units) }}
order by bucket_on, symbol
