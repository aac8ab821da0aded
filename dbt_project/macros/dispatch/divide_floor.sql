{# The whole part of a quotient, exact: of numbers from 0 of one scale, decimals or bigint. #}
{% macro divide_floor(numerator, divisor) %}
    {{- return(adapter.dispatch('divide_floor', 'kraken_candles')(numerator, divisor)) -}}
{% endmacro %}

{# DuckDB divides decimals as floats. #}
{% macro default__divide_floor(numerator, divisor) -%}
    cast(
        cast(replace(cast({{ numerator }} as varchar), '.', '') as hugeint)
        // cast(replace(cast({{ divisor }} as varchar), '.', '') as hugeint)
        as bigint
    )
{%- endmacro %}

{% macro spark__divide_floor(numerator, divisor) -%}
    (({{ numerator }}) div ({{ divisor }}))
{%- endmacro %}
