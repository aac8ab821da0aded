{# DECIMAL(38,12) x DECIMAL(38,12) as DECIMAL(38,24): exact, and an error where it does not fit. #}
{% macro multiply_exact(left, right) %}
    {{- return(adapter.dispatch('multiply_exact', 'kraken_candles')(left, right)) -}}
{% endmacro %}

{% macro default__multiply_exact(left, right) -%}
    ({{ left }} * {{ right }})
{%- endmacro %}

{# Exact only with spark.sql.decimalOperations.allowPrecisionLoss=false and ANSI on: by default Spark cuts the scale to 6. #}
{% macro spark__multiply_exact(left, right) -%}
    ({{ left }} * {{ right }})
{%- endmacro %}
