{{ config(materialized='view') }}

{%- set sources = [
    ("cast('trades' as " ~ dbt.type_string() ~ ")", shown_candles(), 'is_closed', 'true'),
    ('source', exchange_candles(), 'true', 'is_best'),
] %}
{%- set numbers = [
    'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'taker_buy_base_volume', 'taker_buy_quote_volume', 'vwap',
] %}

{% for source, rows, condition, is_best in sources %}
select
    {{ source }}{{ ' as source' if source != 'source' }},
    symbol,
    timeframe,
    {{ year_of('bucket_on') }} as year,
    bucket_on,
    {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
    {% for number in numbers -%}
    {{ export_number(number) }},
    {% endfor -%}
    trade_count,
    taker_buy_count,
    first_trade_id,
    last_trade_id,
    is_empty,
    {{ is_closed_market() }} as is_closed_market,
    true as is_closed,
    {{ is_best }} as is_best
from {{ with_sessions(rows) }} as candles
where {{ condition }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
