{# Nanoseconds since the epoch of a UTC timestamp, as BIGINT. #}
{% macro ns_from_timestamp(timestamp) %}
    {{- return(adapter.dispatch('ns_from_timestamp', 'kraken_candles')(timestamp)) -}}
{% endmacro %}

{% macro default__ns_from_timestamp(timestamp) -%}
    epoch_ns({{ timestamp }})
{%- endmacro %}

{% macro spark__ns_from_timestamp(timestamp) -%}
    (unix_micros({{ timestamp }}) * 1000)
{%- endmacro %}
