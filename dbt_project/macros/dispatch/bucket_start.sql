{# The start, in ns since the epoch, of the bucket of size_ns that holds time_ns. Times before 1970 do not occur. #}
{% macro bucket_start(time_ns, size_ns) %}
    {{- return(adapter.dispatch('bucket_start', 'kraken_candles')(time_ns, size_ns)) -}}
{% endmacro %}

{% macro default__bucket_start(time_ns, size_ns) -%}
    (({{ time_ns }}) // ({{ size_ns }}) * ({{ size_ns }}))
{%- endmacro %}

{% macro spark__bucket_start(time_ns, size_ns) -%}
    (({{ time_ns }}) div ({{ size_ns }}) * ({{ size_ns }}))
{%- endmacro %}
