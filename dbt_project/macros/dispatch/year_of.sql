{# The UTC year of a timestamp, as BIGINT. #}
{% macro year_of(timestamp) %}
    {{- return(adapter.dispatch('year_of', 'kraken_candles')(timestamp)) -}}
{% endmacro %}

{% macro default__year_of(timestamp) -%}
    year({{ timestamp }})
{%- endmacro %}

{# Of the session's time zone, which the profile sets to UTC. #}
{% macro spark__year_of(timestamp) -%}
    cast(year({{ timestamp }}) as bigint)
{%- endmacro %}
