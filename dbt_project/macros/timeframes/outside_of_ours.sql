{# Where coverage holds a bucket, trades decide it, also that nothing traded: a candle of Kraken's is the best there is only outside of it,
   and where ours cannot be made any more. Candles of a name that we give to another length or grid are none of ours. #}
{% macro is_outside_of_ours(theirs) -%}
    (
        ours.timeframe is null
        or (
            ours.size_ns = {{ theirs }}.timeframe_seconds * 1000000000
            and ours.offset_ns = 0
            and (coverage.symbol is null or absent.symbol is not null)
        )
    )
{%- endmacro %}

{# The joins of which it speaks; theirs is the alias of Kraken's candles. #}
{% macro joined_with_ours(theirs) -%}
left join {{ ref('timeframes') }} as ours on {{ theirs }}.timeframe = ours.timeframe
left join {{ ref('coverage') }} as coverage
    on
        {{ theirs }}.symbol = coverage.symbol
        and {{ theirs }}.bucket_start_ns >= coverage.covered_from_ns
        and {{ theirs }}.bucket_end_ns <= coverage.covered_to_ns
left join {{ ref('absent_days') }} as absent
    on
        {{ theirs }}.symbol = absent.symbol
        and {{ theirs }}.timeframe = absent.timeframe
        and {{ theirs }}.bucket_on = absent.bucket_on
{%- endmacro %}
