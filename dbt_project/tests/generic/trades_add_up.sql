{# Each symbol's minutes hold as many trades and as much volume as its trades, exactly. #}
{% test trades_add_up(model, trades) %}
    with

    minutes as (
        select symbol, sum(trade_count) as trade_count, {{ sum_exact('base_volume') }} as base_volume
        from {{ model }}
        group by symbol
    ),

    raw_trades as (
        select symbol, count(*) as trade_count, {{ sum_exact('volume') }} as base_volume
        from {{ trades }}
        group by symbol
    )

    select
        coalesce(minutes.symbol, raw_trades.symbol) as symbol,
        minutes.trade_count as minutes_trade_count,
        raw_trades.trade_count,
        minutes.base_volume as minutes_base_volume,
        raw_trades.base_volume
    from minutes
    full outer join raw_trades on minutes.symbol = raw_trades.symbol
    where
        minutes.symbol is null
        or raw_trades.symbol is null
        or minutes.trade_count <> raw_trades.trade_count
        or minutes.base_volume <> raw_trades.base_volume
{% endtest %}
