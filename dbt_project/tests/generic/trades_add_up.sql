{# On each day that is covered whole, the candles of every timeframe within a day hold its trades and their volume, exactly. #}
{% test trades_add_up(model, days) %}
    with

    whole_days as (
        select
            symbol,
            covered_on,
            trade_count,
            base_volume
        from {{ days }}
        where to_ns - from_ns = 86400000000000
    )

    select
        checks.symbol,
        checks.timeframe,
        checks.bucket_on,
        checks.trade_count as candles_trade_count,
        whole_days.trade_count,
        checks.base_volume as candles_base_volume,
        whole_days.base_volume
    from {{ model }} as checks
    inner join {{ ref('kraken_candles', 'timeframes') }} as timeframes
        on checks.timeframe = timeframes.timeframe and not timeframes.spans_days
    inner join whole_days on checks.symbol = whole_days.symbol and checks.bucket_on = whole_days.covered_on
    where checks.trade_count <> whole_days.trade_count or checks.base_volume <> whole_days.base_volume
{% endtest %}
