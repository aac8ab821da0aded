{{ config(tags='removals', materialized='incremental', incremental_strategy='append', full_refresh=false) }}

-- Filled by the post-hooks of removal_checks; dbt only makes the table, once. What it says cannot be made anew.
select
    cast(null as bigint) as size_ns,
    cast(null as boolean) as is_finest,
    cast(null as bigint) as candle_count,
    cast(null as bigint) as trade_count,
    cast(null as decimal(38, 12)) as base_volume,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    cast(null as timestamp) as kept_at,
    cast(null as {{ dbt.type_string() }}) as symbol,
    cast(null as date) as kept_on
where false
