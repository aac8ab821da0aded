{# The units (timeframe, symbol, bucket_on) in which an OHLCVT file speaks or spoke, and of which the choice of the file or our coverage
   changed since this model was built, as a subquery. producers: archive_spans, or day_versions beside it. #}
{% macro archive_units(producers) -%}
    {%- set first_on = 'cast(' ~ kraken_candles.timestamp_from_ns('from_ns') ~ ' as date)' -%}
    {%- set last_on = 'cast(' ~ kraken_candles.timestamp_from_ns('to_ns - 1') ~ ' as date)' -%}
    {%- set start_ns = kraken_candles.ns_from_timestamp('cast(units.bucket_on as timestamp)') -%}
    (
        select timeframe, symbol, {{ kraken_candles.days_between(first_on, last_on) }} as bucket_on
        from {{ ref('archive_spans') }}
        where version > {{ kraken_candles.mark_of('archive_spans') }}
        {%- if 'day_versions' in producers %}
        union
        select units.timeframe, units.symbol, units.bucket_on
        from {{ kraken_candles.pending_units() }} as units
        inner join {{ ref('archive_spans') }} as spans
            on
                units.symbol = spans.symbol
                and units.timeframe = spans.timeframe
                and {{ start_ns }} + 86400000000000 > spans.from_ns
                and {{ start_ns }} < spans.to_ns
        where spans.is_current
        {%- endif %}
    )
{%- endmacro %}

{# A condition on chosen_archive_candles() that holds for such units, with literal bounds for the table of all files' rows. #}
{% macro is_archive_unit(units, producers) %}
    {%- if not execute or kraken_candles.renews_all(producers) -%}
        {{- return('true') -}}
    {%- endif -%}
    {{- return([
        kraken_candles.unit_symbols('symbol', units, producers),
        kraken_candles.unit_bounds('bucket_start', units, producers, kind='timestamp'),
        '(timeframe, symbol, bucket_on) in ' ~ units,
    ] | join(' and ')) -}}
{% endmacro %}
