{# A subquery of the buckets of day_candles and spanning_candles: symbol, timeframe, bucket_on, and each bucket's candle as candles has it,
   is_closed, and close_before, the last close before it in the same unbroken coverage. #}
{% macro built_candles() -%}
    (
        {% for model in ['day_candles', 'spanning_candles'] -%}
        select {{ kraken_candles.stored_candle_columns() | join(', ') }}
        from {{ ref(model) }}
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    )
{%- endmacro %}

{% macro stored_candle_columns() %}
    {{- return([
        'symbol', 'timeframe', 'bucket_on', 'bucket_start_ns', 'bucket_end_ns', 'open', 'high', 'low', 'close', 'close_before',
        'base_volume', 'quote_volume', 'taker_buy_base_volume', 'taker_buy_quote_volume', 'vwap', 'trade_count', 'taker_buy_count', 'first_trade_id',
        'last_trade_id', 'is_empty', 'is_closed',
    ]) -}}
{% endmacro %}
