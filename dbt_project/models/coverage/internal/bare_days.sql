-- Kept candles speak for a day only where trades of it are gone: once they are all loaded again, they count themselves.
with

kept as (
    select
        symbol,
        kept_on,
        size_ns,
        trade_count,
        base_volume,
        first_trade_id,
        last_trade_id
    from {{ ref('kept_days') }}
    where is_finest
),

removed as (
    select
        symbol,
        removed_on,
        removed_trade_count
    from {{ trade_removals() }} as removals
    where removed_trade_count > 0
),

-- A day that was removed and is not kept has lost its trades.
had as (
    select
        kept.size_ns,
        kept.base_volume,
        kept.first_trade_id,
        kept.last_trade_id,
        coalesce(kept.symbol, removed.symbol) as symbol,
        coalesce(kept.kept_on, removed.removed_on) as bare_on,
        coalesce(kept.trade_count, removed.removed_trade_count) as trade_count
    from kept
    full outer join removed on kept.symbol = removed.symbol and kept.kept_on = removed.removed_on
),

loaded as (
    select
        trades.symbol,
        trades.traded_on,
        count(*) as trade_count
    from {{ ref('stg_trades') }} as trades
    where
        {{ removed_bounds('trades.traded_on') }}
        and (trades.symbol, trades.traded_on) in (
            select
                had.symbol,
                had.bare_on
            from had
        )
    group by trades.symbol, trades.traded_on
)

select
    had.symbol,
    had.bare_on,
    had.trade_count,
    had.base_volume,
    had.first_trade_id,
    had.last_trade_id,
    had.size_ns as finest_ns
from had
left join loaded on had.symbol = loaded.symbol and had.bare_on = loaded.traded_on
where had.trade_count > coalesce(loaded.trade_count, 0)
