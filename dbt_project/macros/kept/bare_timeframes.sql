{# A subquery of each day of bare_days and timeframe whose buckets stay within a day, with the lengths in ns of the kept candles that its
   candles are made of: coarsest_ns, the longest that divide it; finest_ns, the shortest, for a day of which only a part is covered. NULL
   where none divides it and it cannot be made. #}
{% macro bare_timeframes() -%}
    (
        select
            bare.symbol,
            bare.bare_on,
            lengths.timeframe,
            lengths.size_ns,
            max(kept.size_ns) as coarsest_ns,
            min(kept.size_ns) as finest_ns
        from {{ ref('bare_days') }} as bare
        cross join {{ ref('timeframes') }} as lengths
        left join {{ ref('kept_days') }} as kept
            on bare.symbol = kept.symbol and bare.bare_on = kept.kept_on and lengths.size_ns % kept.size_ns = 0
        where not lengths.spans_days
        group by bare.symbol, bare.bare_on, lengths.timeframe, lengths.size_ns
    )
{%- endmacro %}

{# A subquery of the buckets of timeframes that may reach over midnight which coverage proves and that cannot be made: such a one is made of
   those within days, and where one of these cannot be made, it would lack trades. is_closed: coverage reaches its end. #}
{% macro absent_spanning() -%}
    {%- set day_start_ns = kraken_candles.ns_from_timestamp('cast(bare.bare_on as timestamp)') -%}
    (
        select distinct
            buckets.timeframe,
            buckets.bucket_start_ns,
            buckets.bucket_start_ns + buckets.size_ns <= ranges.covered_to_ns as is_closed,
            cast({{ kraken_candles.timestamp_from_ns('buckets.bucket_start_ns') }} as date) as bucket_on,
            buckets.symbol
        from (
            select
                bare.symbol,
                timeframes.timeframe,
                timeframes.size_ns,
                {{ kraken_candles.bucket_series(
                    kraken_candles.bucket_start(day_start_ns, 'timeframes.size_ns', 'timeframes.offset_ns'),
                    day_start_ns ~ ' + 86400000000000',
                    'timeframes.size_ns'
                ) }} as bucket_start_ns
            from {{ kraken_candles.bare_timeframes() }} as bare
            inner join {{ ref('timeframes') }} as timeframes on bare.timeframe = timeframes.base_timeframe
            where timeframes.spans_days and bare.coarsest_ns is null
        ) as buckets
        -- As coverage has them, but before it.
        inner join (
            select
                symbol,
                min(from_ns) as covered_from_ns,
                max(to_ns) as covered_to_ns,
                max(case when is_last then 1 else 0 end) = 1 as is_latest
            from {{ ref('verified_days') }}
            where is_sound
            group by symbol, range_number
        ) as ranges
            on
                buckets.symbol = ranges.symbol
                and buckets.bucket_start_ns >= ranges.covered_from_ns
                and buckets.bucket_start_ns < ranges.covered_to_ns
        where ranges.is_latest or buckets.bucket_start_ns + buckets.size_ns <= ranges.covered_to_ns
    )
{%- endmacro %}
