{# A decimal column as the variable kraken_candles_export_numbers wants it in the exports: float64 or decimal. #}
{% macro export_number(column) %}
    {%- if kraken_candles.export_numbers() == 'decimal' -%}
        {{- return(column) -}}
    {%- endif -%}
    {{- return('cast(' ~ column ~ ' as double) as ' ~ column) -}}
{% endmacro %}

{% macro export_numbers() %}
    {%- set numbers = var('kraken_candles_export_numbers') -%}
    {%- if numbers not in ['float64', 'decimal'] -%}
        {{ exceptions.raise_compiler_error("The variable kraken_candles_export_numbers is '" ~ numbers ~ "'; allowed are float64 and decimal.") }}
    {%- endif -%}
    {{- return(numbers) -}}
{% endmacro %}
