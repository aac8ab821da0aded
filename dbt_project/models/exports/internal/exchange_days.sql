{%- set producers = exchange_producers() -%}
{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': ['kraken_candles_empty_bucket_policy', 'kraken_candles_empty_bucket_overrides']},
    pre_hook="{{ kraken_candles.clear_changed_units(kraken_candles.exchange_units(), kraken_candles.exchange_producers()) }}",
    post_hook="{{ kraken_candles.set_marks(kraken_candles.exchange_producers()) }}",
) }}

{%- set units = exchange_units() %}
{%- set unit = 'timeframe, symbol, bucket_on' %}
{%- set run_ns = 'timeframe_seconds * 60000000000' %}

-- What certified_days is for our candles, for Kraken's: so that an export knows what changed. Where coverage or a download
-- changed, is_best may have.
with

rest as (
    select
        {{ unit }},
        count(*) as row_count,
        count(distinct bucket_start_ns) as bucket_count,
        md5({{ joined_in_order(
            'md5(concat(' ~ candle_text() ~ ', ' ~ text_of('is_best') ~ '))', 'bucket_start_ns'
        ) }}) as content_hash
    from {{ exchange_candles() }} as candles
    where source = 'rest' and {{ is_unit(units, producers) }}
    group by {{ unit }}
),

-- In runs of 60 buckets first, of numbers alone, so that a billion rows take little memory.
runs as (
    select
        edition_id,
        bucket_on,
        count(*) as row_count,
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
    where {{ is_archive_unit(units, producers) }}
    group by edition_id, bucket_on, {{ bucket_start('bucket_start_ns', run_ns) }}
),

archived as (
    select
        editions.timeframe,
        editions.symbol,
        runs.bucket_on,
        {{ ns_from_timestamp('cast(runs.bucket_on as timestamp)') }} as from_ns,
        {{ ns_from_timestamp('cast(runs.bucket_on as timestamp)') }} + 86400000000000 as to_ns,
        sum(runs.row_count) as row_count,
        sum(runs.bucket_count) as bucket_count,
        sum(runs.unsound_count) as unsound_count
    from runs
    inner join {{ ref('archive_editions') }} as editions on runs.edition_id = editions.edition_id
    group by editions.timeframe, editions.symbol, runs.bucket_on
),

{%- set clipped = "concat({0}, ' ', {1}, ' ', {2}, ';')" %}

-- No row of a file is hashed, for a billion of them may come at once. What they are is decided by which file speaks for which
-- part of the day, and is_best by our coverage of it and Kraken's other candles.
spoken as (
    select
        archived.timeframe,
        archived.symbol,
        archived.bucket_on,
        {{ joined_in_order(
            clipped.format(
                text_of('spans.edition_id'),
                text_of('greatest(archived.from_ns, spans.from_ns)'),
                text_of('least(archived.to_ns, spans.to_ns)')
            ),
            'spans.from_ns'
        ) }} as facts
    from archived
    inner join {{ ref('archive_spans') }} as spans
        on
            archived.symbol = spans.symbol
            and archived.timeframe = spans.timeframe
            and archived.from_ns < spans.to_ns
            and archived.to_ns > spans.from_ns
    where spans.is_current
    group by archived.timeframe, archived.symbol, archived.bucket_on
),

-- nothing of ours stands against lengths that we do not make
held as (
    select
        archived.timeframe,
        archived.symbol,
        archived.bucket_on,
        {{ joined_in_order(
            clipped.format(
                "'ours'",
                text_of('greatest(archived.from_ns, ranges.covered_from_ns)'),
                text_of('least(archived.to_ns, ranges.covered_to_ns)')
            ),
            'ranges.covered_from_ns'
        ) }} as facts
    from archived
    inner join {{ ref('timeframes') }} as timeframes on archived.timeframe = timeframes.timeframe
    inner join {{ ref('coverage') }} as ranges
        on
            archived.symbol = ranges.symbol
            and archived.from_ns < ranges.covered_to_ns
            and archived.to_ns > ranges.covered_from_ns
    group by archived.timeframe, archived.symbol, archived.bucket_on
),

made as (
    select
        cast(row_count as bigint) as row_count,
        cast(bucket_count as bigint) as bucket_count,
        cast(null as bigint) as unsound_count,
        content_hash,
        cast('rest' as {{ dbt.type_string() }}) as source,
        timeframe,
        bucket_on,
        symbol
    from rest
    union all
    select
        cast(archived.row_count as bigint) as row_count,
        cast(archived.bucket_count as bigint) as bucket_count,
        cast(archived.unsound_count as bigint) as unsound_count,
        md5(
            concat(
                spoken.facts,
                coalesce(held.facts, ''),
                case when absent.symbol is null then '' else 'absent;' end,
                coalesce(rest.content_hash, '')
            )
        ) as content_hash,
        cast('archive' as {{ dbt.type_string() }}) as source,
        archived.timeframe,
        archived.bucket_on,
        archived.symbol
    from archived
    {% for facts in ['spoken', 'held', 'absent', 'rest'] %}
    {{ 'inner' if facts == 'spoken' else 'left' }} join {{ ref('absent_days') ~ ' as absent' if facts == 'absent' else facts }}
        on
            archived.timeframe = {{ facts }}.timeframe
            and archived.symbol = {{ facts }}.symbol
            and archived.bucket_on = {{ facts }}.bucket_on
    {% endfor %}
)

{{ kept_beside('made', units) }}
order by bucket_on, symbol
