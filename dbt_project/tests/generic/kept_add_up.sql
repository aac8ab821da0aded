{# What is said of each kept day's candles of a length, once, is what they hold: none of them is lost, none stands twice. #}
{% test kept_add_up(model, candles) %}
    with

    held as (
        select
            symbol,
            kept_on,
            size_ns,
            count(*) as candle_count,
            sum(trade_count) as trade_count,
            {{ kraken_candles.sum_exact('base_volume') }} as base_volume
        from {{ candles }}
        group by symbol, kept_on, size_ns
    ),

    days as (
        select
            *,
            count(*) over (partition by symbol, kept_on, size_ns) as rows_of_grain
        from {{ model }}
    )

    select
        coalesce(days.symbol, held.symbol) as symbol,
        coalesce(days.kept_on, held.kept_on) as kept_on,
        coalesce(days.size_ns, held.size_ns) as size_ns,
        days.trade_count,
        held.trade_count as candles_trade_count
    from days
    full outer join held
        on days.symbol = held.symbol and days.kept_on = held.kept_on and days.size_ns = held.size_ns
    where
        days.symbol is null
        or held.symbol is null
        or days.rows_of_grain > 1
        or days.candle_count <> held.candle_count
        or days.trade_count <> held.trade_count
        or days.base_volume <> held.base_volume
{% endtest %}
