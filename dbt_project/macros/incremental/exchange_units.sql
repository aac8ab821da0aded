{# The units (timeframe, symbol, bucket_on) of which Kraken's candles, those of its downloads beside them or our coverage changed since this
   model was built, as a subquery. #}
{% macro exchange_units() -%}
    (
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.pending_units() }} as ours
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where version > {{ kraken_candles.mark_of('rest_versions') }}
        union
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.archive_units(['archive_spans']) }} as archived
    )
{%- endmacro %}

{% macro exchange_producers() %}
    {{- return(['day_versions', 'rest_versions', 'archive_spans']) -}}
{% endmacro %}
