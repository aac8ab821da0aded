{# A row for each UTC day from from_day to to_day, both inclusive; none where from_day is later. Stands in a select list. #}
{% macro days_between(from_day, to_day) %}
    {{- return(adapter.dispatch('days_between', 'kraken_candles')(from_day, to_day)) -}}
{% endmacro %}

{% macro default__days_between(from_day, to_day) -%}
    cast(unnest(generate_series(cast({{ from_day }} as timestamp), cast({{ to_day }} as timestamp), interval 1 day)) as date)
{%- endmacro %}
