{# On each day that is covered whole, the candles of every timeframe within a day hold its trades and their volume, exactly. #}
{% macro trades_add_up(checks, days) %}
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
        {{ kraken_candles.row_key({
            'symbol': 'checks.symbol',
            'timeframe': 'checks.timeframe',
            'bucket_on': 'checks.bucket_on',
            'candles_trade_count': 'checks.trade_count',
            'trade_count': 'whole_days.trade_count',
            'candles_base_volume': 'checks.base_volume',
            'base_volume': 'whole_days.base_volume',
        }) }} as row_key
    from {{ checks }} as checks
    inner join {{ ref('kraken_candles', 'timeframes') }} as timeframes
        on checks.timeframe = timeframes.timeframe and not timeframes.spans_days
    inner join whole_days on checks.symbol = whole_days.symbol and checks.bucket_on = whole_days.covered_on
    where checks.trade_count <> whole_days.trade_count or checks.base_volume <> whole_days.base_volume
{% endmacro %}
