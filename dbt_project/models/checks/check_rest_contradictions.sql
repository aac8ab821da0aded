{{ config(materialized='view') }}

{%- set figures = compared_fields('archive') %}

with

{{ added_rest_candles() }},

finer as (
    select
        symbol,
        timeframe,
        bucket_start_ns,
        max(case when is_contradicted then 1 else 0 end) as verdict
    from added
    group by symbol, timeframe, bucket_start_ns
),

-- What a file leaves out it says nothing traded in; its last candle may be cut off by its end.
judged as (
    select
        rest.symbol,
        rest.timeframe,
        {{ year_of('rest.bucket_on') }} as year,
        finer.verdict as finer_verdict,
        case
            when archive.symbol is null then case when rest.trade_count > 0 then 1 else 0 end
            when archive.is_last_of_file and archive.trade_count < rest.trade_count then null
            when
                abs(rest.base_volume - archive.base_volume) <= {{ archive_volume_tolerance('archive.base_volume') }}
                {% for field in figures if field != 'base_volume' %}
                and rest.{{ field }} = archive.{{ field }}
                {% endfor %}
                then 0
            else 1
        end as archive_verdict,
        spans.symbol is not null as is_beside_archive,
        case when archive.trade_count > rest.trade_count then 1 else 0 end as archive_is_fuller
    from rest
    left join finer
        on rest.symbol = finer.symbol and rest.timeframe = finer.timeframe and rest.bucket_start_ns = finer.bucket_start_ns
    left join {{ chosen_archive_candles() }} as archive
        on
            rest.symbol = archive.symbol
            and rest.timeframe = archive.timeframe
            and {{ timestamp_from_ns('rest.bucket_start_ns') }} = archive.bucket_start
    left join {{ ref('archive_spans') }} as spans
        on
            rest.symbol = spans.symbol
            and rest.timeframe = spans.timeframe
            and rest.bucket_start_ns >= spans.from_ns
            and rest.bucket_start_ns < spans.to_ns
            and spans.is_current
            and (spans.is_gapless or archive.symbol is not null)
)

select
    symbol,
    timeframe,
    year,
    count(*) as rest_candle_count,
    count(finer_verdict) as beside_finer_count,
    cast(coalesce(sum(finer_verdict), 0) as bigint) as finer_contradicts_count,
    count(case when is_beside_archive then archive_verdict end) as beside_archive_count,
    cast(coalesce(sum(case when is_beside_archive then archive_verdict end), 0) as bigint) as archive_contradicts_count,
    cast(sum(archive_is_fuller) as bigint) as archive_fuller_count,
    cast(
        sum(case when finer_verdict = 1 or (is_beside_archive and archive_verdict = 1) then 1 else 0 end) as bigint
    ) as contradicted_count
from judged
group by symbol, timeframe, year
