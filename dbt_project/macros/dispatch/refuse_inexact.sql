{# Before a build: refuses an engine that would cut products of decimals in silence. DuckDB's are exact or an error. #}
{% macro refuse_inexact() %}
    {{- return(adapter.dispatch('refuse_inexact', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__refuse_inexact() %}{% endmacro %}

{% macro spark__refuse_inexact() %}
    {%- if execute -%}
        {%- set product = 'cast(0.000000000001 as decimal(38, 12)) * cast(0.000000000001 as decimal(38, 12))' -%}
        {%- set kind = run_query("select typeof(" ~ product ~ ")").columns[0].values()[0] -%}
        {%- if kind != 'decimal(38,24)' -%}
        {{- exceptions.raise_compiler_error(
            'This Spark cuts products of decimals to ' ~ kind ~ ', and no volume would be exact: set '
            ~ 'spark.sql.decimalOperations.allowPrecisionLoss to false, as server_side_parameters of profiles.yml do.'
        ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
