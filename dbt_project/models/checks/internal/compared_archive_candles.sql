{%- set producers = ['day_versions', 'archive_spans'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_archive_volume',
        'kraken_candles_tolerance_archive_volume_relative', 'kraken_candles_tolerance_trade_count',
    ]},
    pre_hook="{{ kraken_candles.clear_archive_units(['day_versions', 'archive_spans']) }}",
    post_hook=[
        "{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
        "{{ kraken_candles.set_marks(['archive_spans']) }}",
    ],
) }}

{%- set fields = compared_fields('archive') %}
{%- set units = archive_units(producers) %}

with

-- Ours that lie in a stretch for which a file speaks; of those that it leaves out, it says that nothing traded.
ours as (
    select
        built.*,
        spans.edition_id,
        spans.is_gapless
    from (
        select * from {{ ref('built_candles') }}
        where is_closed and {{ is_unit(units, producers) }}
    ) as built
    inner join {{ ref('timeframes') }} as timeframes on built.timeframe = timeframes.timeframe
    inner join {{ ref('archive_spans') }} as spans
        on
            built.symbol = spans.symbol
            and built.timeframe = spans.timeframe
            and built.bucket_start_ns >= spans.from_ns
            and built.bucket_start_ns < spans.to_ns
            and timeframes.size_ns = spans.size_ns
            and timeframes.offset_ns = 0
    where spans.is_current
),

theirs as (
    select * from {{ ref('comparable_archive_candles') }}
    where {{ is_archive_unit(producers) }}
),

paired as (
    select
        coalesce(theirs.timeframe, ours.timeframe) as timeframe,
        coalesce(theirs.symbol, ours.symbol) as symbol,
        coalesce(theirs.bucket_on, ours.bucket_on) as bucket_on,
        coalesce(theirs.bucket_start_ns, ours.bucket_start_ns) as bucket_start_ns,
        coalesce(theirs.edition_id, ours.edition_id) as edition_id,
        ours.symbol is not null as is_here,
        theirs.symbol is not null as is_there,
        coalesce(ours.is_empty and theirs.trade_count = 0, false) as is_quiet,
        {{ paired_fields(fields) }}
        theirs.is_last_of_file
    from theirs
    full outer join ours
        on
            theirs.symbol = ours.symbol
            and theirs.timeframe = ours.timeframe
            and theirs.bucket_on = ours.bucket_on
            and theirs.bucket_start_ns = ours.bucket_start_ns
    where theirs.symbol is not null or (ours.is_gapless and not ours.is_empty)
),

{{ judged_candles(fields, ['edition_id'], has_ends=true) }}

{{ kept_beside('made', units) }}
order by bucket_start_ns, symbol, timeframe
