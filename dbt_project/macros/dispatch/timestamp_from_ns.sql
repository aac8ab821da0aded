{# UTC timestamp of nanoseconds since the epoch, cut to the microsecond. #}
{% macro timestamp_from_ns(time_ns) %}
    {{- return(adapter.dispatch('timestamp_from_ns', 'kraken_candles')(time_ns)) -}}
{% endmacro %}

{% macro default__timestamp_from_ns(time_ns) -%}
    make_timestamp(({{ time_ns }}) // 1000)
{%- endmacro %}

{% macro spark__timestamp_from_ns(time_ns) -%}
    timestamp_micros(({{ time_ns }}) div 1000)
{%- endmacro %}
