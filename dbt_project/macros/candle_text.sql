{# A candle as one line of text, the same on every engine: what a day's content_hash is made of. Without what
   takers bought: that changes with the trades, or when their sides become known, which is no revision. #}
{% macro candle_text() -%}
    {%- set fields = [
        'bucket_start_ns', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'vwap',
        'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty',
    ] -%}
    {%- set texts = [] -%}
    {%- for field in fields -%}{%- do texts.append(kraken_candles.text_of(field)) -%}{%- endfor -%}
    concat({{ texts | join(", '|', ") }})
{%- endmacro %}
