{# The start, in ns since the epoch, of the bucket of size_ns that holds time_ns, on a grid that is offset_ns late.
   Times before 1970 do not occur. #}
{% macro bucket_start(time_ns, size_ns, offset_ns=0) %}
    {{- return(adapter.dispatch('bucket_start', 'kraken_candles')(time_ns, size_ns, offset_ns)) -}}
{% endmacro %}

{% macro default__bucket_start(time_ns, size_ns, offset_ns) -%}
    {%- if offset_ns == 0 -%}
    (({{ time_ns }}) // ({{ size_ns }}) * ({{ size_ns }}))
    {%- else -%}
    (({{ time_ns }} - {{ offset_ns }}) // ({{ size_ns }}) * ({{ size_ns }}) + {{ offset_ns }})
    {%- endif -%}
{%- endmacro %}

{% macro spark__bucket_start(time_ns, size_ns, offset_ns) -%}
    {%- if offset_ns == 0 -%}
    (({{ time_ns }}) div ({{ size_ns }}) * ({{ size_ns }}))
    {%- else -%}
    (({{ time_ns }} - {{ offset_ns }}) div ({{ size_ns }}) * ({{ size_ns }}) + {{ offset_ns }})
    {%- endif -%}
{%- endmacro %}
