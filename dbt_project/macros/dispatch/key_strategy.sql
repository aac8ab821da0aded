{# The incremental strategy of models whose new rows replace those with the same unique_key. On Spark the partitions, which must be as
   fine as the key or hold nothing else, are overwritten. #}
{% macro key_strategy() %}
    {{- return(adapter.dispatch('key_strategy', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__key_strategy() -%}
    delete+insert
{%- endmacro %}

{% macro spark__key_strategy() -%}
    insert_overwrite
{%- endmacro %}
