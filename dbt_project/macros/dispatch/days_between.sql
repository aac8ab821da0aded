{# A row for each date from from_day to to_day, both inclusive; none where from_day is the later one. Stands in a select list. #}
{% macro days_between(from_day, to_day) %}
    {{- return(adapter.dispatch('days_between', 'kraken_candles')(from_day, to_day)) -}}
{% endmacro %}

{% macro default__days_between(from_day, to_day) -%}
    cast(unnest(generate_series(cast({{ from_day }} as timestamp), cast({{ to_day }} as timestamp), interval 1 day)) as date)
{%- endmacro %}

{# Spark's sequence counts backwards where the first is the later one. #}
{% macro spark__days_between(from_day, to_day) -%}
    explode(
        if(
            ({{ from_day }}) <= ({{ to_day }}),
            sequence({{ from_day }}, {{ to_day }}, interval 1 day),
            cast(array() as array<date>)
        )
    )
{%- endmacro %}
