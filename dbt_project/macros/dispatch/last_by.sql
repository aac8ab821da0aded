{# The value of the row that stands last by a total order. The value must not be NULL: DuckDB skips NULLs, Spark returns them. #}
{% macro last_by(value, order) %}
    {{- return(adapter.dispatch('last_by', 'kraken_candles')(value, order)) -}}
{% endmacro %}

{% macro default__last_by(value, order) -%}
    arg_max({{ value }}, {{ order }})
{%- endmacro %}

{% macro spark__last_by(value, order) -%}
    max_by({{ value }}, {{ order }})
{%- endmacro %}
