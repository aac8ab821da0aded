{# The units (timeframe, symbol, bucket_on) in which a pending day of day_versions lies, as a subquery: for a timeframe that spans days
   a bucket that began earlier may reach into the day. kind: 'spanning' for these timeframes alone, 'all' for all. #}
{% macro pending_units(kind='all') -%}
    {%- set day_ns = kraken_candles.ns_from_timestamp('cast(pending.covered_on as timestamp)') -%}
    (
        select distinct
            timeframe,
            symbol,
            {{ kraken_candles.days_between('first_on', 'covered_on') }} as bucket_on
        from (
            select
                timeframes.timeframe,
                pending.symbol,
                pending.covered_on,
                cast(
                    {{ kraken_candles.timestamp_from_ns(
                        kraken_candles.bucket_start(day_ns, 'timeframes.size_ns', 'timeframes.offset_ns')
                    ) }} as date
                ) as first_on
            from {{ kraken_candles.pending_days() }} as pending
            cross join {{ ref('timeframes') }} as timeframes
            {% if kind == 'spanning' %}where timeframes.spans_days{% endif %}
        ) as reached
    )
{%- endmacro %}

{# By how many days a bucket of any timeframe may reach. #}
{% macro longest_days() %}
    {{- return((kraken_candles.timeframe_plan() | map(attribute='seconds') | max + 86399) // 86400) -}}
{% endmacro %}

{# The pre-hook of models by unit. A change of settings clears everything. #}
{% macro clear_pending_units(kind='all') %}
    {%- if execute and is_incremental() and kraken_candles.mark_of('day_versions') < 0 -%}
    {{- kraken_candles.clear_all() -}}
    {%- else -%}
    {{- kraken_candles.clear_units(
        ['timeframe', 'symbol', 'bucket_on'],
        kraken_candles.pending_units(kind),
        kraken_candles.pending_bounds('bucket_on', days_before=kraken_candles.longest_days())
    ) -}}
    {%- endif -%}
{% endmacro %}
