{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key='symbol',
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
) }}

select
    markets.price_decimals,
    {{ next_version('market_versions') }} as version,
    markets.symbol
from {{ ref('markets') }} as markets
{% if is_incremental() -%}
left join {{ this }} as known on markets.symbol = known.symbol
where known.symbol is null or coalesce(known.price_decimals, -1) <> coalesce(markets.price_decimals, -1)
{%- endif %}
