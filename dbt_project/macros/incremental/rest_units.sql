{# The units (timeframe, symbol, bucket_on) of which Kraken's candles, those of its downloads beside them or our coverage changed since this
   model was built, as a subquery. #}
{% macro rest_units() -%}
    (
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.pending_units() }} as ours
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where version > {{ kraken_candles.mark_of('rest_versions') }}
        union
        select rest.timeframe, rest.symbol, rest.bucket_on
        from {{ ref('rest_versions') }} as rest
        inner join {{ ref('archive_spans') }} as spans
            on
                rest.symbol = spans.symbol
                and rest.timeframe = spans.timeframe
                and rest.bucket_start_ns >= spans.from_ns
                and rest.bucket_start_ns < spans.to_ns
        where spans.version > {{ kraken_candles.mark_of('archive_spans') }}
    )
{%- endmacro %}

{% macro rest_producers() %}
    {{- return(['day_versions', 'rest_versions', 'archive_spans']) -}}
{% endmacro %}

{# A condition on a row's unit, with literal bounds. #}
{% macro is_rest_unit() %}
    {{- return(kraken_candles.is_unit(kraken_candles.rest_units(), kraken_candles.rest_producers())) -}}
{% endmacro %}

{# The pre-hook of models by these units. #}
{% macro clear_rest_units() %}
    {{- kraken_candles.clear_changed_units(kraken_candles.rest_units(), kraken_candles.rest_producers()) -}}
{% endmacro %}
