{%- set producers = ['day_versions', 'archive_spans'] -%}
{{ config(
    tags='archives',
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_archive_volume',
        'kraken_candles_tolerance_archive_volume_relative', 'kraken_candles_tolerance_trade_count',
    ], 'form': 2},
    pre_hook="{{ kraken_candles.clear_changed_units(
        kraken_candles.archive_units(['day_versions', 'archive_spans']), ['day_versions', 'archive_spans']
    ) }}",
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
        select * from {{ built_candles() }} as candles
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
    select *
    from (
        select
            archive.timeframe,
            archive.symbol,
            archive.bucket_on,
            archive.bucket_start,
            archive.bucket_start_ns,
            {% for field in fields %}
            archive.{{ field }},
            {% endfor %}
            archive.edition_id,
            archive.is_last_of_file
        from {{ chosen_archive_candles() }} as archive
        {{ joined_for_comparing('archive') }}
        where absent.symbol is null
    ) as comparable
    where {{ is_archive_unit(units, producers) }}
),

-- What ours was after each moment of the buckets in which files end, few as they are.
moments as (
    select
        spans.timeframe,
        spans.symbol,
        spans.file_to_ns,
        trades.time_ns,
        count(*) as trade_count,
        {{ sum_exact('trades.volume') }} as base_volume,
        max(trades.price) as high,
        min(trades.price) as low
    from {{ ref('trades') }} as trades
    inner join {{ ref('archive_spans') }} as spans
        on
            trades.symbol = spans.symbol
            and trades.traded_on = cast({{ timestamp_from_ns('spans.file_to_ns - spans.size_ns') }} as date)
            and trades.time_ns >= spans.file_to_ns - spans.size_ns
            and trades.time_ns < spans.file_to_ns
    where
        spans.is_current
        and spans.to_ns = spans.file_to_ns
        and {{ unit_symbols('trades.symbol', units, producers) }}
        and {{ unit_bounds('trades.traded_on', units, producers) }}
    group by spans.timeframe, spans.symbol, spans.file_to_ns, trades.time_ns
),

begun as (
    select
        moments.timeframe,
        moments.symbol,
        moments.file_to_ns - timeframes.size_ns as bucket_start_ns,
        moments.low as lowest_close,
        moments.high as highest_close,
        sum(moments.trade_count) over in_time as trade_count,
        {{ sum_exact('moments.base_volume', 'in_time') }} as base_volume,
        max(moments.high) over in_time as high,
        min(moments.low) over in_time as low,
        sum(moments.trade_count) over (partition by moments.timeframe, moments.symbol, moments.file_to_ns) as of_count
    from moments
    inner join {{ ref('timeframes') }} as timeframes on moments.timeframe = timeframes.timeframe
    window in_time as (
        partition by moments.timeframe, moments.symbol, moments.file_to_ns order by moments.time_ns
        rows between unbounded preceding and current row
    )
),

wholes as (
    select distinct
        timeframe,
        symbol,
        bucket_start_ns,
        of_count
    from begun
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
        theirs.is_last_of_file,
        wholes.of_count as begun_of_count,
        begun.base_volume as begun_base_volume,
        begun.high as begun_high,
        begun.low as begun_low,
        begun.lowest_close as begun_lowest_close,
        begun.highest_close as begun_highest_close
    from theirs
    full outer join ours
        on
            theirs.symbol = ours.symbol
            and theirs.timeframe = ours.timeframe
            and theirs.bucket_on = ours.bucket_on
            and theirs.bucket_start_ns = ours.bucket_start_ns
    left join wholes
        on
            theirs.symbol = wholes.symbol
            and theirs.timeframe = wholes.timeframe
            and theirs.bucket_start_ns = wholes.bucket_start_ns
    left join begun
        on
            theirs.symbol = begun.symbol
            and theirs.timeframe = begun.timeframe
            and theirs.bucket_start_ns = begun.bucket_start_ns
            and theirs.trade_count = begun.trade_count
    where theirs.symbol is not null or (ours.is_gapless and not ours.is_empty)
),

{{ judged_candles(fields, ['edition_id'], has_ends=true) }}

{{ kept_beside('made', units) }}
order by bucket_start_ns, symbol, timeframe
