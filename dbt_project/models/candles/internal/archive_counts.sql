{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    pre_hook="{{ kraken_candles.clear_archive_units(['archive_spans']) }}",
    post_hook="{{ kraken_candles.set_marks(['archive_spans']) }}",
) }}

{%- set units = archive_units(['archive_spans']) %}

{%- set run_ns = 'timeframe_seconds * 60000000000' %}

-- Counted once, when a file comes to speak for the day: the rows of a file never change. In runs of 60 buckets first, of numbers
-- alone, so that a billion rows take little memory.
with

runs as (
    select
        edition_id,
        bucket_on,
        count(*) as candle_count,
        bit_count(bit_or({{ bucket_bit('bucket_start_ns', 'timeframe_seconds * 1000000000') }})) as bucket_count,
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
        ) as unsound_count
    from {{ chosen_archive_candles() }} as chosen
    where {{ is_archive_unit(['archive_spans']) }}
    group by edition_id, bucket_on, {{ bucket_start('bucket_start_ns', run_ns) }}
),

made as (
    select
        cast(sum(runs.candle_count) as bigint) as candle_count,
        cast(sum(runs.bucket_count) as bigint) as bucket_count,
        cast(sum(runs.unsound_count) as bigint) as unsound_count,
        editions.timeframe,
        runs.bucket_on,
        editions.symbol
    from runs
    inner join {{ ref('archive_editions') }} as editions on runs.edition_id = editions.edition_id
    group by editions.timeframe, editions.symbol, runs.bucket_on
)

{{ kept_beside('made', units) }}
order by bucket_on, symbol
