{{ config(
    tags='removals',
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
) }}

-- Filled by the post-hooks of removal_checks; dbt only makes the table, once. What it says cannot be made anew.
select
    cast(null as bigint) as size_ns,
    cast(null as bigint) as bucket_start_ns,
    cast(null as decimal(38, 12)) as open,
    cast(null as decimal(38, 12)) as high,
    cast(null as decimal(38, 12)) as low,
    cast(null as decimal(38, 12)) as close,
    cast(null as decimal(38, 12)) as base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as bigint) as trade_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    cast(null as {{ dbt.type_string() }}) as symbol,
    cast(null as date) as kept_on,
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    cast(null as bigint) as taker_buy_count
where false
