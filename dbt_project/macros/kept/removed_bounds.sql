{# Literal bounds on a column of UTC days that hold every day that is kept or removed; false where there is none. #}
{% macro removed_bounds(column) %}
    {%- set kept = ref('kept_days') -%}
    {%- set removals = kraken_candles.trade_removals() -%}
    {#- A project that is compiled before its first build has no such table yet. -#}
    {%- if not execute or load_relation(kept) is none -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set query -%}
        select kept_on as bare_on from {{ kept }}
        union
        select removed_on as bare_on from {{ removals }} as removals
        order by bare_on
    {%- endset -%}
    {{- return(kraken_candles.day_bounds(column, kraken_candles.asked_once(query) | map('first') | list)) -}}
{% endmacro %}
