{# The beginning of a statement that adds to build_marks what a query gives, several models' at a time. #}
{% macro insert_marks(marks) %}
    {{- return(adapter.dispatch('insert_marks', 'kraken_candles')(marks)) -}}
{% endmacro %}

{% macro default__insert_marks(marks) %}
    {{- return('insert into ' ~ marks ~ ' by name') -}}
{% endmacro %}

{# Two inserts into one Parquet table take each other's temporary files away; each overwriting has a folder of its own. Older marks of the
   same model and producer, which nobody reads any more, go with it. #}
{% macro spark__insert_marks(marks) %}
    {{- return('insert overwrite table ' ~ marks ~ ' partition (consumer, producer)') -}}
{% endmacro %}
