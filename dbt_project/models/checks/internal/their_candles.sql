{{ config(materialized='ephemeral') }}

-- What Kraken ever gave of the buckets that can be compared, and those that it left out.
select
    timeframe,
    symbol,
    bucket_on,
    bucket_start_ns,
    {{ compared_fields() | join(', ') }},
    is_newest,
    true as is_there,
    first_fetched_at as fetched_at
from {{ ref('comparable_rest_candles') }}
union all
select
    timeframe,
    symbol,
    bucket_on,
    bucket_start_ns,
    {% for field in compared_fields() %}
    cast(null as {{ 'bigint' if field == 'trade_count' else 'decimal(38, 12)' }}) as {{ field }},
    {% endfor %}
    true as is_newest,
    false as is_there,
    fetched_at
from {{ ref('left_out_candles') }}
