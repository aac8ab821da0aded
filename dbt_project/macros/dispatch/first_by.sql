{# The value of the row that stands first by a total order. The value must not be NULL: DuckDB skips NULLs, Spark returns them. #}
{% macro first_by(value, order) %}
    {{- return(adapter.dispatch('first_by', 'kraken_candles')(value, order)) -}}
{% endmacro %}

{% macro default__first_by(value, order) -%}
    arg_min({{ value }}, {{ order }})
{%- endmacro %}

{% macro spark__first_by(value, order) -%}
    min_by({{ value }}, {{ order }})
{%- endmacro %}
