{# Aggregate: text values one behind the other, in the order of a whole number. #}
{% macro joined_in_order(value, order) %}
    {{- return(adapter.dispatch('joined_in_order', 'kraken_candles')(value, order)) -}}
{% endmacro %}

{% macro default__joined_in_order(value, order) -%}
    string_agg({{ value }}, '' order by {{ order }})
{%- endmacro %}
