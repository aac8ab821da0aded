{# The one spelling of a decimal, bigint or boolean, '' for NULL: a decimal with all digits of its scale and no exponent.
   Its precision must be above its scale: else DuckDB leaves out the 0 before the point. #}
{% macro text_of(value) %}
    {{- return(adapter.dispatch('text_of', 'kraken_candles')(value)) -}}
{% endmacro %}

{% macro default__text_of(value) -%}
    coalesce(cast({{ value }} as varchar), '')
{%- endmacro %}

{# A plain cast spells small decimals 1E-12 unless ANSI mode is on, which dbt-spark turns off; try_cast never does. #}
{% macro spark__text_of(value) -%}
    coalesce(try_cast({{ value }} as string), '')
{%- endmacro %}
