{# Whether a bucket in which nothing traded lies whole in hours in which its market is closed, by the row of stg_trading_sessions that
   with_sessions joins. Somebody who trades says that it is open. is_empty, start_ns, end_ns: expressions of the bucket. #}
{% macro is_closed_market(is_empty='is_empty', start_ns='bucket_start_ns', end_ns='bucket_end_ns') -%}
    {%- if not kraken_candles.some_market_closes() -%}{{- return('false') -}}{%- endif -%}
    {%- set week = kraken_candles.week_ns() -%}
    {%- set closed = [] -%}
    {%- for instant in [start_ns, end_ns ~ ' - 1'] -%}
        {%- set at = kraken_candles.local_week_ns(kraken_candles.timestamp_from_ns(instant), 'time_zone') -%}
        {%- do closed.append('(' ~ at ~ ' - from_week_ns + ' ~ week ~ ') % ' ~ week ~ ' < closed_ns') -%}
    {%- endfor -%}
    {#- An hour more: clocks are put back in hours in which stocks do not trade. -#}
    case
        when {{ is_empty }} and closed_ns is not null
            then {{ end_ns }} - {{ start_ns }} <= closed_ns + 3600000000000 and {{ closed | join(' and ') }}
        else false
    end
{%- endmacro %}

{# Rows of a relation or subquery, with the hours in which their market closes; the rows alone where none of a warehouse does: the join
   would cost 0.07 s for 8 million candles. #}
{% macro with_sessions(rows) -%}
    {%- set sessions = ref('kraken_candles', 'stg_trading_sessions') -%}
    {%- if not kraken_candles.some_market_closes() -%}{{- return(rows) -}}{%- endif -%}
    (
        select
            given.*,
            sessions.from_week_ns,
            sessions.closed_ns,
            sessions.time_zone
        from {{ rows }} as given
        left join {{ sessions }} as sessions on given.symbol = sessions.symbol
    )
{%- endmacro %}

{# Whether any does when the view is made; a build makes it anew when that changes. A unit test has rows of its own, which are no relation. #}
{% macro some_market_closes() %}
    {%- set sessions = ref('kraken_candles', 'stg_trading_sessions') -%}
    {%- if execute and sessions.schema and load_cached_relation(sessions) -%}
        {{- return(kraken_candles.asked_once('select 1 from ' ~ sessions ~ ' limit 1') | length > 0) -}}
    {%- endif -%}
    {{- return(true) -}}
{% endmacro %}

{# ns of a week. #}
{% macro week_ns() -%}
    604800000000000
{%- endmacro %}

{# ns since Monday 00:00 of a UTC timestamp as the clocks of a time zone show it; zone: an expression of its name. #}
{% macro local_week_ns(timestamp, zone) -%}
    {%- set local = adapter.dispatch('local_timestamp', 'kraken_candles')(timestamp, zone) -%}
    {#- 1970-01-05 was a Monday. -#}
    (({{ kraken_candles.ns_from_timestamp(local) }} - 345600000000000) % {{ kraken_candles.week_ns() }})
{%- endmacro %}

{% macro default__local_timestamp(timestamp, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro spark__local_timestamp(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, {{ zone }})
{%- endmacro %}

{# The same of a text such as Friday 20:00. #}
{% macro week_ns_of_text(column) -%}
    (
        case
            {%- for day in kraken_candles.week_days() %}
            when {{ column }} like '{{ day }} %' then {{ loop.index0 }}
            {%- endfor %}
        end * 86400
        + cast(substring({{ column }}, length({{ column }}) - 4, 2) as bigint) * 3600
        + cast(substring({{ column }}, length({{ column }}) - 1, 2) as bigint) * 60
    ) * 1000000000
{%- endmacro %}

{% macro week_days() -%}
    {{- return(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']) -}}
{%- endmacro %}
