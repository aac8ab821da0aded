{%- set variable = 'kraken_candles_trading_sessions' %}
{%- set columns = {
    'asset': 'text', 'closed_from': 'optional_week_time', 'closed_to': 'optional_week_time', 'time_zone': 'optional_time_zone',
} %}
{{- check_accepted_lines(variable, columns, once='asset', together=['closed_from', 'closed_to', 'time_zone']) }}

-- A line of the asset itself comes before the one of its class, also if it says that the market never closes.
with

lines as (
    select
        asset,
        {{ week_ns_of_text('closed_from') }} as from_week_ns,
        {{ week_ns_of_text('closed_to') }} as to_week_ns,
        cast(time_zone as {{ dbt.type_string() }}) as time_zone
    from {{ from_accepted_lines(variable, columns) }}
),

found as (
    select
        markets.symbol,
        case when own.asset is null then classes.from_week_ns else own.from_week_ns end as from_week_ns,
        case when own.asset is null then classes.to_week_ns else own.to_week_ns end as to_week_ns,
        case when own.asset is null then classes.time_zone else own.time_zone end as time_zone
    from {{ ref('markets') }} as markets
    left join lines as own on markets.base = own.asset
    left join lines as classes on markets.asset_class = classes.asset
)

select
    symbol,
    from_week_ns,
    (to_week_ns - from_week_ns + {{ week_ns() }}) % {{ week_ns() }} as closed_ns,
    time_zone
from found
where from_week_ns <> to_week_ns
