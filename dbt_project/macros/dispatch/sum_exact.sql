{# Aggregate: the sum of decimals in their own scale, and an error where it does not fit. NULLs are left out; of none comes NULL.
   window: what stands behind OVER, for a sum over a window. #}
{% macro sum_exact(value, window=none) %}
    {{- return(adapter.dispatch('sum_exact', 'kraken_candles')(value, ' over ' ~ window if window else '')) -}}
{% endmacro %}

{% macro default__sum_exact(value, over) -%}
    sum({{ value }}){{ over }}
{%- endmacro %}

{# What does not fit would be NULL, for dbt-spark turns ANSI mode off. #}
{% macro spark__sum_exact(value, over) -%}
    case
        when count({{ value }}){{ over }} > 0
            then coalesce(sum({{ value }}){{ over }}, raise_error('A sum of decimals does not fit into 38 digits.'))
    end
{%- endmacro %}
