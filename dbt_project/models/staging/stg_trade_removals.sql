{%- set events = source('kraken_ops', 'removed_days') %}

{#- Who only loads has no such table. -#}
{%- if execute and load_relation(events) is not none %}
with

ordered as (
    select
        symbol,
        removed_on,
        state,
        trade_count,
        happened_at,
        row_number() over (partition by symbol, removed_on order by happened_at desc) as newness,
        row_number() over (partition by symbol, removed_on, state order by happened_at desc) as newness_of_state
    from {{ events.include(database=false) }}
)

select
    symbol,
    removed_on,
    max(case when newness = 1 then state end) = 'wanted' as is_wanted,
    max(case when state = 'removed' and newness_of_state = 1 then trade_count end) as removed_trade_count,
    max(happened_at) as happened_at
from ordered
group by symbol, removed_on
{%- else %}
select
    cast(null as {{ dbt.type_string() }}) as symbol,
    cast(null as date) as removed_on,
    cast(null as boolean) as is_wanted,
    cast(null as bigint) as removed_trade_count,
    cast(null as timestamp) as happened_at
where false
{%- endif %}
