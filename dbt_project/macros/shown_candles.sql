{# A subquery of the buckets that the empty-bucket policy shows, as it shows them. Stored candles are honest and hold every bucket; the
   policy is laid over them here, so that it may change at any time. #}
{% macro shown_candles() -%}
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
                {{ kraken_candles.empty_bucket_policy() }} as policy
            from {{ kraken_candles.built_candles() }} as ours
        ) as built
        where not (is_empty and policy = 'omit')
    )
{%- endmacro %}
