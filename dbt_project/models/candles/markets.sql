{{ config(materialized='view') }}

{%- set markets = source('kraken_raw', 'markets').include(database=false) -%}
{%- set names = adapter.get_columns_in_relation(markets) | map(attribute='name') | list if execute else [] %}

-- Two sources in one pipeline run can each bring the list of markets; the newest counts.
with

ordered as (
    select
        *,
        row_number() over (partition by symbol order by fetched_at desc) as newness
    from {{ markets }}
)

select
    symbol,
    market_id,
    altname,
    wsname,
    base,
    quote,
    -- loads of older versions kept neither this nor the status, and listed currencies alone
    {{ "coalesce(asset_class, 'currency')" if 'asset_class' in names else "cast('currency' as " ~ dbt.type_string() ~ ')' }}
        as asset_class,
    price_decimals,
    volume_decimals,
    {{ 'status' if 'status' in names else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as status,
    fetched_at
from ordered
where newness = 1
