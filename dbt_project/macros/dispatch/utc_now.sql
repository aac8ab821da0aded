{# This moment as a UTC timestamp without a zone. #}
{% macro utc_now() %}
    {{- return(adapter.dispatch('utc_now', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__utc_now() -%}
    cast(get_current_timestamp() at time zone 'UTC' as timestamp)
{%- endmacro %}

{# The session's zone is UTC. #}
{% macro spark__utc_now() -%}
    current_timestamp()
{%- endmacro %}
