{{ config(materialized='view') }}

-- The stored candles are honest and hold every bucket; the policy is laid over them here, so that it may change at any time.
with

built as (
    select
        *,
        {{ empty_bucket_policy() }} as policy
    from {{ built_candles() }} as ours
),

carried as (
    select
        *,
        case when is_empty and policy = 'carry_forward' then close_before end as carried_close
    from built
    where not (is_empty and policy = 'omit')
)

select
    symbol,
    timeframe,
    bucket_on,
    bucket_start_ns,
    bucket_end_ns,
    {% for field in ['open', 'high', 'low', 'close'] -%}
    coalesce({{ field }}, carried_close) as {{ field }},
    {% endfor -%}
    base_volume,
    quote_volume,
    vwap,
    trade_count,
    first_trade_id,
    last_trade_id,
    is_empty,
    is_closed
from carried
