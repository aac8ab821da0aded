{# DECIMAL(38,12) x DECIMAL(38,12) as DECIMAL(38,24): exact, and an error where it does not fit. #}
{% macro multiply_exact(left, right) %}
    {{- return(adapter.dispatch('multiply_exact', 'kraken_candles')(left, right)) -}}
{% endmacro %}

{% macro default__multiply_exact(left, right) -%}
    ({{ left }} * {{ right }})
{%- endmacro %}

{# Exact only with spark.sql.decimalOperations.allowPrecisionLoss=false: by default Spark cuts the scale to 6.
   What does not fit would be NULL, for dbt-spark turns ANSI mode off. #}
{% macro spark__multiply_exact(left, right) -%}
    case
        when {{ left }} is not null and {{ right }} is not null
            then coalesce({{ left }} * {{ right }}, raise_error('A product of decimals does not fit into DECIMAL(38,24).'))
    end
{%- endmacro %}
