{# The rows of a query, asked once in a build: models, hooks and SQL ask many times for the same marks and bounds, and each query costs dbt
   more than the engine. Only for what stays as it is from the first model that asks to the last: tables of the parents of all of them,
   and a model's own marks of earlier builds. Rows as the driver gives them: run_query would guess the types of each column once more. #}
{% macro asked_once(query) %}
    {#- dbt gives macros no memory of their own; the graph is one object for a whole invocation. -#}
    {%- set answers = graph.setdefault('kraken_candles_answers', {}).setdefault(invocation_id, {}) -%}
    {%- if query not in answers -%}
        {%- do answers.update({query: kraken_candles.asked(query)}) -%}
    {%- endif -%}
    {{- return(answers[query]) -}}
{% endmacro %}

{% macro asked(query) %}
    {{- return(adapter.add_query(query, auto_begin=false)[1].fetchall()) -}}
{% endmacro %}
