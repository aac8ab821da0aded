{# The incremental strategy of models whose whole units (a symbol's day) are made anew. On DuckDB a pre-hook takes the old rows away,
   in the same transaction; on Spark their partitions are overwritten. #}
{% macro replace_strategy() %}
    {{- return(adapter.dispatch('replace_strategy', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__replace_strategy() -%}
    append
{%- endmacro %}

{% macro spark__replace_strategy() -%}
    insert_overwrite
{%- endmacro %}
