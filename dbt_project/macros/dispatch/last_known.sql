{# The newest value that is not NULL among the rows before this one; the window's partition and order are the caller's. #}
{% macro last_known(value, partition_by, order_by) %}
    {{- return(adapter.dispatch('last_known', 'kraken_candles')(value, partition_by, order_by)) -}}
{% endmacro %}

{% macro default__last_known(value, partition_by, order_by) -%}
    last_value({{ value }} ignore nulls) over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and 1 preceding
    )
{%- endmacro %}

{% macro spark__last_known(value, partition_by, order_by) -%}
    last_value({{ value }}, true) over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and 1 preceding
    )
{%- endmacro %}
