{# The partition columns of a model where the engine keeps tables in partitions; nothing on DuckDB. #}
{% macro partitions(columns) %}
    {{- return(adapter.dispatch('partitions', 'kraken_candles')(columns)) -}}
{% endmacro %}

{% macro default__partitions(columns) %}
    {{- return(none) -}}
{% endmacro %}

{% macro spark__partitions(columns) %}
    {{- return(columns) -}}
{% endmacro %}
