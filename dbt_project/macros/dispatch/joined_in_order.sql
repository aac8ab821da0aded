{# Aggregate: the texts one behind the other in a total order, without a separator; NULL texts are left out, and of none comes NULL. #}
{% macro joined_in_order(value, order) %}
    {{- return(adapter.dispatch('joined_in_order', 'kraken_candles')(value, order)) -}}
{% endmacro %}

{% macro default__joined_in_order(value, order) -%}
    string_agg({{ value }}, '' order by {{ order }})
{%- endmacro %}

{# array_join leaves NULLs out too, but of none it makes ''. #}
{% macro spark__joined_in_order(value, order) -%}
    case
        when count({{ value }}) > 0 then array_join(
            transform(
                array_sort(collect_list(named_struct('place', {{ order }}, 'value', {{ value }}))),
                entry -> entry.value
            ), ''
        )
    end
{%- endmacro %}
