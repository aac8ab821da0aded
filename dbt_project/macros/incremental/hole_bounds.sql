{# Literal bounds on a column of UTC days that hold every hole, with a day on both sides: neighbours' stamps may stand in the wrong order. #}
{% macro hole_bounds(column) %}
    {%- set holes = ref('found_holes') -%}
    {#- A project that is compiled before its first build has no such table yet. -#}
    {%- if not execute or load_relation(holes) is none -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set from_on = 'cast(' ~ kraken_candles.timestamp_from_ns('from_time_ns') ~ ' as date)' -%}
    {%- set to_on = 'cast(' ~ kraken_candles.timestamp_from_ns('to_time_ns') ~ ' as date)' -%}
    {%- set query -%}
        select distinct {{ kraken_candles.days_between(from_on, to_on) }} as covered_on from {{ holes }} order by 1
    {%- endset -%}
    {{- return(kraken_candles.day_bounds(column, kraken_candles.asked_once(query) | map('first') | list, 1, 1)) -}}
{% endmacro %}
