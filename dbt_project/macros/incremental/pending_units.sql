{# The units (timeframe, symbol, bucket_on) in which a pending day of day_versions lies, as a subquery: for a timeframe that spans days
   a bucket that began earlier may reach into the day. kind: 'spanning' for these timeframes alone, 'all' for all. with_load: with a
   fourth column last_load_id, the newest load that brought something to these days. #}
{% macro pending_units(kind='all', with_load=false) -%}
    {%- set day_start_ns = kraken_candles.ns_from_timestamp('cast(covered_on as timestamp)') -%}
    {%- set start_ns = kraken_candles.ns_from_timestamp('cast(bucket_on as timestamp)') -%}
    (
        select
            timeframe,
            symbol,
            bucket_on
            {%- if with_load %},
            max(last_load_id) as last_load_id
            {%- endif %}
        from (
            select
                reached.*,
                {{ kraken_candles.days_between('first_on', 'covered_on') }} as bucket_on
            from (
                select
                    timeframes.timeframe,
                    timeframes.size_ns,
                    timeframes.offset_ns,
                    pending.symbol,
                    pending.covered_on,
                    pending.last_load_id,
                    cast(
                        {{ kraken_candles.timestamp_from_ns(
                            kraken_candles.bucket_start(day_start_ns, 'timeframes.size_ns', 'timeframes.offset_ns')
                        ) }} as date
                    ) as first_on
                from {{ ref('day_versions') }} as pending
                cross join {{ ref('timeframes') }} as timeframes
                where
                    pending.version > {{ kraken_candles.mark_of('day_versions') }}
                    {% if kind == 'spanning' %}and timeframes.spans_days{% endif %}
            ) as reached
        ) as units
        -- only days in which a bucket starts
        where {{ kraken_candles.bucket_start(start_ns ~ ' + 86399999999999', 'size_ns', 'offset_ns') }} >= {{ start_ns }}
        group by timeframe, symbol, bucket_on
    )
{%- endmacro %}

{# Literal bounds on bucket_on of candles that hold all units of pending days: days before these only of timeframes that span days. #}
{% macro pending_unit_bounds() %}
    {%- set days = kraken_candles.pending_bounds('bucket_on') -%}
    {%- set spanning = kraken_candles.timeframe_plan() | selectattr('spans_days') | map(attribute='name') | list -%}
    {%- if days == 'true' or not spanning -%}
        {{- return(days) -}}
    {%- endif -%}
    {#- The first condition alone is one by which the engine prunes. -#}
    {%- set reached = kraken_candles.pending_bounds('bucket_on', days_before=kraken_candles.longest_days()) -%}
    {{- return(reached ~ ' and (' ~ days ~ " or timeframe in ('" ~ spanning | join("', '") ~ "'))") -}}
{% endmacro %}

{# By how many days a bucket of any timeframe may reach. #}
{% macro longest_days() %}
    {{- return((kraken_candles.timeframe_plan() | map(attribute='seconds') | max + 86399) // 86400) -}}
{% endmacro %}

{# The pre-hook of models by unit. A change of settings clears everything. #}
{% macro clear_pending_units(kind='all') %}
    {%- if execute and is_incremental() and kraken_candles.mark_of('day_versions') < 0 -%}
    {{- kraken_candles.clear_all() -}}
    {%- else -%}
    {{- kraken_candles.clear_unit_rows(kraken_candles.pending_units(kind),
        kraken_candles.pending_bounds('bucket_on', days_before=kraken_candles.longest_days())
    ) -}}
    {%- endif -%}
{% endmacro %}
