{# A subquery of the buckets that the empty-bucket policy shows, as it shows them. Stored candles are honest and hold every bucket; the
   policy is laid over them here, so that it may change at any time. rows: a subquery of such buckets in place of all that are built;
   policy: another one, as SQL text. #}
{% macro shown_candles(rows=none, policy=none) -%}
    (
        select
            symbol,
            timeframe,
            bucket_on,
            bucket_start_ns,
            bucket_end_ns,
            {% for field in ['open', 'high', 'low', 'close'] -%}
            coalesce({{ field }}, case when is_empty and policy = 'carry_forward' then close_before end) as {{ field }},
            {% endfor -%}
            base_volume,
            quote_volume,
            taker_buy_base_volume,
            taker_buy_quote_volume,
            vwap,
            trade_count,
            taker_buy_count,
            first_trade_id,
            last_trade_id,
            is_empty,
            is_closed
        from (
            select
                *,
                {{ policy or kraken_candles.empty_bucket_policy() }} as policy
            from {{ rows or kraken_candles.built_candles() }} as ours
        ) as built
        where not (is_empty and policy = 'omit')
    )
{%- endmacro %}

{# The columns of candles, in order. #}
{% macro candle_names() %}
    {{- return([
        'symbol', 'timeframe', 'bucket_start', 'bucket_end', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume',
        'taker_buy_base_volume', 'taker_buy_quote_volume', 'vwap', 'trade_count', 'taker_buy_count', 'first_trade_id', 'last_trade_id',
        'is_empty', 'is_closed_market', 'is_closed', 'source',
    ]) -}}
{% endmacro %}

{# The same over the columns of shown_candles, with the sessions of its markets. #}
{% macro candle_columns() -%}
    {%- set made = {
        'bucket_start': kraken_candles.timestamp_from_ns('bucket_start_ns'),
        'bucket_end': kraken_candles.timestamp_from_ns('bucket_end_ns'),
        'is_closed_market': kraken_candles.is_closed_market(),
        'source': "cast('trades' as " ~ dbt.type_string() ~ ')',
    } -%}
    {% for name in kraken_candles.candle_names() -%}
    {{ made[name] ~ ' as ' ~ name if name in made else name }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}
