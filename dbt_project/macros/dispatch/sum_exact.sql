{# Aggregate: the sum of decimals in their own scale, and an error where it does not fit. NULLs are left out; of none comes NULL. #}
{% macro sum_exact(value) %}
    {{- return(adapter.dispatch('sum_exact', 'kraken_candles')(value)) -}}
{% endmacro %}

{% macro default__sum_exact(value) -%}
    sum({{ value }})
{%- endmacro %}

{# What does not fit would be NULL, for dbt-spark turns ANSI mode off. #}
{% macro spark__sum_exact(value) -%}
    case
        when count({{ value }}) > 0
            then coalesce(sum({{ value }}), raise_error('A sum of decimals does not fit into 38 digits.'))
    end
{%- endmacro %}
