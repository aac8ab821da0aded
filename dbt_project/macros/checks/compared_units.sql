{# The units (timeframe, symbol, bucket_on) of which our candles, Kraken's candles or the market's decimals changed since this model was
   built, as a subquery. Of an answer that leaves buckets out, every unit between its first and its last. #}
{% macro compared_units() -%}
    {%- set first_on = 'cast(' ~ kraken_candles.timestamp_from_ns('first_bucket_ns') ~ ' as date)' -%}
    {%- set last_on = 'cast(' ~ kraken_candles.timestamp_from_ns('last_bucket_ns') ~ ' as date)' -%}
    (
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.pending_units('all') }} as ours
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where version > {{ kraken_candles.mark_of('rest_versions') }}
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where
            symbol in (
                select symbol from {{ ref('market_versions') }} where version > {{ kraken_candles.mark_of('market_versions') }}
            )
        union
        select timeframe, symbol, {{ kraken_candles.days_between(first_on, last_on) }} as bucket_on
        from {{ ref('rest_snapshots') }}
        where not is_whole and version > {{ kraken_candles.mark_of('rest_snapshots') }}
    )
{%- endmacro %}

{% macro compared_producers() %}
    {{- return(['day_versions', 'rest_versions', 'rest_snapshots', 'market_versions']) -}}
{% endmacro %}

{# Of the comparisons with both, Kraken's own candles and its downloads: pending days are among these units anyway. #}
{% macro counted_units() -%}
    (
        select * from {{ kraken_candles.compared_units() }} as compared
        union
        select * from {{ kraken_candles.archive_units(['archive_spans']) }} as archived
    )
{%- endmacro %}
