{# The incremental strategy that puts rebuilt units in the place of the old ones, for config(incremental_strategy=...). #}
{% macro replace_strategy() %}
    {{- return(adapter.dispatch('replace_strategy', 'kraken_candles')()) -}}
{% endmacro %}

{# A hook before it has deleted the old rows. #}
{% macro default__replace_strategy() %}
    {{- return('append') -}}
{% endmacro %}

{# Parquet knows no delete: whole partitions are replaced, and drop_partitions takes away those that get no new rows. #}
{% macro spark__replace_strategy() %}
    {{- return('insert_overwrite') -}}
{% endmacro %}
