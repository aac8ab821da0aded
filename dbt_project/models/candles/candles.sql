{{ config(materialized='view') }}

-- The stored candles are honest and hold every bucket; the policy is laid over them here, so that it may change at any time.
with

built as (
    select
        *,
        {{ empty_bucket_policy() }} as policy
    from {{ ref('built_candles') }}
),

shown as (
    select
        *,
        case when is_empty and policy = 'carry_forward' then close_before end as carried
    from built
    where not (is_empty and policy = 'omit')
)

select
    symbol,
    timeframe,
    {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
    {% for field in ['open', 'high', 'low', 'close'] -%}
    coalesce({{ field }}, carried) as {{ field }},
    {% endfor -%}
    base_volume,
    quote_volume,
    vwap,
    trade_count,
    first_trade_id,
    last_trade_id,
    is_empty,
    is_closed,
    cast('trades' as {{ dbt.type_string() }}) as source
from shown
