{{ config(materialized='ephemeral') }}

{%- set columns = [
    'symbol', 'timeframe', 'bucket_on', 'bucket_start_ns', 'bucket_end_ns', 'open', 'high', 'low', 'close', 'close_before',
    'base_volume', 'quote_volume', 'vwap', 'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty', 'is_closed',
] %}

{% for model in ['day_candles', 'spanning_candles'] %}
select {{ columns | join(', ') }}
from {{ ref(model) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
