{# The joins that leave of Kraken's candles (alias theirs) those that can be compared: of a length that we make and count from the epoch, and
   wholly inside our coverage. Where ours cannot be made any more, absent.symbol is not NULL. #}
{% macro joined_for_comparing(theirs) -%}
inner join {{ ref('timeframes') }} as timeframes
    on
        {{ theirs }}.timeframe = timeframes.timeframe
        and {{ theirs }}.timeframe_seconds * 1000000000 = timeframes.size_ns
        and timeframes.offset_ns = 0
inner join {{ ref('coverage') }} as ranges
    on
        {{ theirs }}.symbol = ranges.symbol
        and {{ theirs }}.bucket_start_ns >= ranges.covered_from_ns
        and {{ theirs }}.bucket_start_ns + {{ theirs }}.timeframe_seconds * 1000000000 <= ranges.covered_to_ns
left join {{ ref('absent_days') }} as absent
    on
        {{ theirs }}.symbol = absent.symbol
        and {{ theirs }}.timeframe = absent.timeframe
        and {{ theirs }}.bucket_on = absent.bucket_on
{%- endmacro %}
