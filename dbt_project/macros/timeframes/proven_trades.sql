{# One CTE body: the trades of pieces of days, a CTE of rows of verified_days, from whichever source holds each piece: piece_from_ns is where
   the pieces that meet begin, trade_order the place of a trade in its symbol. For models that are built by pending day. #}
{% macro proven_trades(pieces) %}
    select
        trades.symbol,
        trades.traded_on,
        pieces.stretch_from_ns as piece_from_ns,
        trades.time_ns,
        trades.trade_id,
        trades.price,
        trades.volume,
        trades.side,
        {{ kraken_candles.trade_order('trades.time_ns', 'trades.trade_id', 'trades.after_trade_id', 'trades.place') }} as trade_order
    from {{ ref('stg_trades') }} as trades
    inner join {{ pieces }} as pieces
        on
            trades.symbol = pieces.symbol
            and trades.traded_on = pieces.covered_on
            and trades.time_ns >= pieces.from_ns
            and trades.time_ns < pieces.to_ns
    where pieces.edition_id = 0 and not pieces.is_bare and {{ kraken_candles.pending_bounds('trades.traded_on') }}
    union all
    select
        trades.symbol,
        trades.traded_on,
        pieces.stretch_from_ns as piece_from_ns,
        trades.time_ns,
        cast(null as bigint) as trade_id,
        trades.price,
        trades.volume,
        cast(null as {{ dbt.type_string() }}) as side,
        {{ kraken_candles.trade_order('trades.time_ns', '0', '0', 'trades.row_number') }} as trade_order
    from {{ ref('stg_archive_trades') }} as trades
    inner join {{ pieces }} as pieces
        on
            trades.edition_id = pieces.edition_id
            and trades.traded_on = pieces.covered_on
            and trades.time_ns >= pieces.from_ns
            and trades.time_ns < pieces.to_ns
    where {{ kraken_candles.pending_bounds('trades.traded_on') }}
{% endmacro %}
