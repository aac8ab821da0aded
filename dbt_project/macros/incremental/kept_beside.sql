{# The rows made of pending units, for the end of a model by unit; on Spark, with all that stays in the same partitions. rows is a CTE with
   the model's columns, symbol last; units, the subquery of what is made anew. #}
{% macro kept_beside(rows, units) %}
    {{- return(adapter.dispatch('kept_beside', 'kraken_candles')(rows, units)) -}}
{% endmacro %}

{% macro default__kept_beside(rows, units) -%}
    select * from {{ rows }}
{%- endmacro %}

{% macro spark__kept_beside(rows, units) -%}
    select * from {{ rows }}
    {% if execute and is_incremental() -%}
    union all
    select stored.*
    from {{ this }} as stored
    left semi join {{ units }} as pending on stored.symbol = pending.symbol
    left anti join {{ units }} as renewed
        on
            stored.timeframe = renewed.timeframe
            and stored.symbol = renewed.symbol
            and stored.bucket_on = renewed.bucket_on
    {%- endif %}
{%- endmacro %}
