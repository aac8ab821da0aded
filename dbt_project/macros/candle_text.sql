{# A candle as one line of text, the same on every engine: what a day's content_hash is made of. Without what
   takers bought: that changes with the trades, or when their sides become known, which is no revision. #}
{% macro candle_text() -%}
    {{- kraken_candles.line_of([
        'bucket_start_ns', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'vwap',
        'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty',
    ]) -}}
{%- endmacro %}

{# What takers bought in a candle, likewise: what a file holds of it is written anew where it changes. #}
{% macro taker_text() -%}
    {{- kraken_candles.line_of(
        ['bucket_start_ns', 'taker_buy_base_volume', 'taker_buy_quote_volume', 'taker_buy_count']
    ) -}}
{%- endmacro %}

{% macro line_of(fields) -%}
    {%- set decimals = ['open', 'high', 'low', 'close', 'base_volume', 'taker_buy_base_volume', 'vwap'] -%}
    {%- set texts = [] -%}
    {%- for field in fields -%}
        {%- do texts.append(kraken_candles.text_of_decimal(field) if field in decimals else kraken_candles.text_of(field)) -%}
    {%- endfor -%}
    concat({{ texts | join(", '|', ") }})
{%- endmacro %}
