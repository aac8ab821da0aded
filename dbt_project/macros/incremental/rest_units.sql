{# The units (timeframe, symbol, bucket_on) of which Kraken's candles or our coverage changed since this model was built, as a subquery. #}
{% macro rest_units() -%}
    (
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.pending_units() }} as ours
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where version > {{ kraken_candles.mark_of('rest_versions') }}
    )
{%- endmacro %}

{% macro rest_producers() %}
    {{- return(['day_versions', 'rest_versions']) -}}
{% endmacro %}

{# A condition on a row's unit, with literal bounds. #}
{% macro is_rest_unit() %}
    {{- return(kraken_candles.is_unit(kraken_candles.rest_units(), kraken_candles.rest_producers())) -}}
{% endmacro %}

{# The pre-hook of models by these units. #}
{% macro clear_rest_units() %}
    {{- kraken_candles.clear_changed_units(kraken_candles.rest_units(), kraken_candles.rest_producers()) -}}
{% endmacro %}
