{# The rows of a query, asked once in a model's run: hooks and SQL ask many times for the same marks and bounds, and each query costs dbt
   more than the engine. Only for what does not change while the model runs: tables of its parents, its own marks until they are set. #}
{% macro asked_once(query) %}
    {#- dbt gives macros no memory of their own; the graph is one object for a whole invocation. -#}
    {%- set answers = graph.setdefault('kraken_candles_answers', {}).setdefault(invocation_id ~ model.unique_id, {}) -%}
    {%- if query not in answers -%}
        {%- do answers.update({query: run_query(query)}) -%}
    {%- endif -%}
    {{- return(answers[query]) -}}
{% endmacro %}
