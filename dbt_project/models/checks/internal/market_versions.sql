{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key='symbol',
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
) }}

-- Two sources in one pipeline run can each bring the list of markets; the newest counts.
with

ordered as (
    select
        symbol,
        price_decimals,
        row_number() over (partition by symbol order by fetched_at desc) as newness
    from {{ source('kraken_raw', 'markets').include(database=false) }}
),

markets as (
    select * from ordered
    where newness = 1
)

select
    markets.price_decimals,
    {{ next_version('market_versions') }} as version,
    markets.symbol
from markets
{% if is_incremental() -%}
left join {{ this }} as known on markets.symbol = known.symbol
where known.symbol is null or coalesce(known.price_decimals, -1) <> coalesce(markets.price_decimals, -1)
{%- endif %}
