{%- set producers = ['day_versions', 'rest_versions', 'archive_spans'] -%}
{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': ['kraken_candles_empty_bucket_policy', 'kraken_candles_empty_bucket_overrides'], 'form': 2},
    pre_hook="{{ kraken_candles.clear_archive_units(['day_versions', 'rest_versions', 'archive_spans']) }}",
    post_hook=[
        "{{ kraken_candles.set_marks(['day_versions', 'rest_versions'], ['rest_days']) }}",
        "{{ kraken_candles.set_marks(['archive_spans'], ['archive_counts']) }}",
    ],
) }}

{%- set units = archive_units(producers) %}

-- What rest_days is for Kraken's other candles; but no row is hashed, for a billion of them may come at once. What they are is
-- decided by which file speaks for which part of the day, and is_best by our coverage of it and Kraken's other candles.
with

counts as (
    select
        *,
        {{ ns_from_timestamp('cast(bucket_on as timestamp)') }} as from_ns,
        {{ ns_from_timestamp('cast(bucket_on as timestamp)') }} + 86400000000000 as to_ns
    from {{ ref('archive_counts') }}
    where {{ is_unit(units, producers) }}
),

{%- set clipped = "concat({0}, ' ', {1}, ' ', {2}, ';')" %}

spoken as (
    select
        counts.timeframe,
        counts.symbol,
        counts.bucket_on,
        {{ joined_in_order(
            clipped.format(
                text_of('spans.edition_id'),
                text_of('greatest(counts.from_ns, spans.from_ns)'),
                text_of('least(counts.to_ns, spans.to_ns)')
            ),
            'spans.from_ns'
        ) }} as facts
    from counts
    inner join {{ ref('archive_spans') }} as spans
        on
            counts.symbol = spans.symbol
            and counts.timeframe = spans.timeframe
            and counts.from_ns < spans.to_ns
            and counts.to_ns > spans.from_ns
    where spans.is_current
    group by counts.timeframe, counts.symbol, counts.bucket_on
),

-- nothing of ours stands against lengths that we do not make
held as (
    select
        counts.timeframe,
        counts.symbol,
        counts.bucket_on,
        {{ joined_in_order(
            clipped.format(
                "'ours'",
                text_of('greatest(counts.from_ns, ranges.covered_from_ns)'),
                text_of('least(counts.to_ns, ranges.covered_to_ns)')
            ),
            'ranges.covered_from_ns'
        ) }} as facts
    from counts
    inner join {{ ref('timeframes') }} as timeframes on counts.timeframe = timeframes.timeframe
    inner join {{ ref('coverage') }} as ranges
        on
            counts.symbol = ranges.symbol
            and counts.from_ns < ranges.covered_to_ns
            and counts.to_ns > ranges.covered_from_ns
    group by counts.timeframe, counts.symbol, counts.bucket_on
),

made as (
    select
        counts.candle_count as row_count,
        md5(
            concat(
                spoken.facts,
                coalesce(held.facts, ''),
                case when absent.symbol is null then '' else 'absent;' end,
                coalesce(rest.content_hash, '')
            )
        ) as content_hash,
        counts.timeframe,
        counts.bucket_on,
        counts.symbol
    from counts
    inner join spoken
        on counts.timeframe = spoken.timeframe and counts.symbol = spoken.symbol and counts.bucket_on = spoken.bucket_on
    left join held
        on counts.timeframe = held.timeframe and counts.symbol = held.symbol and counts.bucket_on = held.bucket_on
    left join {{ ref('absent_days') }} as absent
        on counts.timeframe = absent.timeframe and counts.symbol = absent.symbol and counts.bucket_on = absent.bucket_on
    left join {{ ref('rest_days') }} as rest
        on counts.timeframe = rest.timeframe and counts.symbol = rest.symbol and counts.bucket_on = rest.bucket_on
)

{{ kept_beside('made', units) }}
