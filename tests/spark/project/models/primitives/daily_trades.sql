{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=['symbol', 'traded_on'],
    on_schema_change='fail',
    pre_hook=[
        "{{ delete_days(this, touched_days()) }}",
        "{{ drop_partitions(this, touched_days(), ['symbol', 'traded_on']) }}"
    ]
) }}

-- A small model that replaces days as the growing models do, and reads of itself what stands before them.
with

trades as (
    select {{ odd_symbol() }} as symbol, traded_on, volume
    from {{ ref('stg_trades') }}
    {% if is_incremental() %}
    where symbol <> 'borders'
    {% endif %}
),

days as (
    select symbol, traded_on, count(*) as trade_count, sum(volume) as base_volume
    from trades
    group by symbol, traded_on
)

{% if is_incremental() %}
,

touched as (
    select days.*
    from days
    inner join ({{ touched_days() }}) as units on days.symbol = units.symbol and days.traded_on = units.traded_on
)

select
    touched.trade_count,
    touched.base_volume,
    cast(coalesce(sum(kept.trade_count), 0) as bigint) as count_before,
    touched.symbol,
    touched.traded_on
from touched
left join {{ this }} as kept on touched.symbol = kept.symbol and touched.traded_on > kept.traded_on
group by touched.symbol, touched.traded_on, touched.trade_count, touched.base_volume
{% else %}
select trade_count, base_volume, cast(-1 as bigint) as count_before, symbol, traded_on
from days
{% endif %}
