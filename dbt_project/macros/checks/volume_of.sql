{# The exact sum of a volume times a count of trades that have it. Of a volume at most 16 digits stand before the point. #}
{% macro volume_of(volume, count) -%}
    cast(
        {{ kraken_candles.sum_exact(
            'cast(' ~ volume ~ ' as decimal(28, 12)) * cast(' ~ count ~ ' as decimal(10, 0))'
        ) }} as decimal(38, 12)
    )
{%- endmacro %}
