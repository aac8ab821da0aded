{# Literal bounds on a column of UTC days that hold every day whose trades are to be removed; false where there is none. #}
{% macro wanted_bounds(column, days_before=0) %}
    {%- set removals = kraken_candles.trade_removals() -%}
    {%- if not execute -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set query = 'select distinct removed_on from ' ~ removals ~ ' as removals where is_wanted order by removed_on' -%}
    {{- return(kraken_candles.day_bounds(column, kraken_candles.asked_once(query) | map('first') | list, days_before)) -}}
{% endmacro %}
