{# The exact sum of a volume times a count of trades that have it. Of a volume at most 17 digits stand before the point, as the loaders
   see to; DuckDB has decimals for the product of these with 9 digits of a count, and no more. #}
{% macro volume_of(volume, count) -%}
    cast(
        {{ kraken_candles.sum_exact(
            'cast(' ~ volume ~ ' as decimal(29, 12)) * cast(' ~ count ~ ' as decimal(9, 0))'
        ) }} as decimal(38, 12)
    )
{%- endmacro %}
