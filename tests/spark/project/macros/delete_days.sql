{# DuckDB's half of the replacement, for a pre-hook; Spark's is drop_partitions. #}
{% macro delete_days(relation, query) %}
    {{- return(adapter.dispatch('delete_days', 'kraken_candles')(relation, query)) -}}
{% endmacro %}

{% macro default__delete_days(relation, query) -%}
    {%- if is_incremental() -%}
    delete from {{ relation }} as old using ({{ query }}) as units
    where old.symbol = units.symbol and old.traded_on = units.traded_on
    {%- endif -%}
{%- endmacro %}

{% macro spark__delete_days(relation, query) -%}
{%- endmacro %}
