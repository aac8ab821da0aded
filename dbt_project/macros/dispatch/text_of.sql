{# A decimal, whole number or boolean as text, the same on every engine; empty for NULL. #}
{% macro text_of(value) %}
    {{- return(adapter.dispatch('text_of', 'kraken_candles')(value)) -}}
{% endmacro %}

{% macro default__text_of(value) -%}
    coalesce(cast({{ value }} as varchar), '')
{%- endmacro %}
