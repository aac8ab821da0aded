{# A select of the buckets in which something traded on pieces of bare days, made of kept candles: timeframe, then the columns of
   candles_of_candles. Of a piece that is no whole day the finest ones are taken, for its ends may cut through the others. #}
{% macro held_candles(pieces) %}
    {%- set day_ns = 86400000000000 %}
    {%- set start_ns = kraken_candles.bucket_start('candles.bucket_start_ns', 'timeframes.size_ns') %}
    select
        timeframes.timeframe,
        pieces.symbol,
        pieces.from_ns as piece_from_ns,
        {{ start_ns }} as bucket_start_ns,
        {{ kraken_candles.first_by('candles.open', 'candles.bucket_start_ns') }} as open,
        max(candles.high) as high,
        min(candles.low) as low,
        {{ kraken_candles.last_by('candles.close', 'candles.bucket_start_ns') }} as close,
        {{ kraken_candles.sum_exact('candles.base_volume') }} as base_volume,
        {{ kraken_candles.sum_exact('candles.quote_volume') }} as quote_volume,
        {{ kraken_candles.taker_buys_of_candles('candles.') }},
        sum(candles.trade_count) as trade_count,
        min(candles.first_trade_id) as first_trade_id,
        max(candles.last_trade_id) as last_trade_id
    from {{ pieces }} as pieces
    inner join {{ kraken_candles.bare_timeframes() }} as timeframes
        on pieces.symbol = timeframes.symbol and pieces.covered_on = timeframes.bare_on
    inner join {{ ref('kept_candles') }} as candles
        on
            timeframes.symbol = candles.symbol
            and timeframes.bare_on = candles.kept_on
            and candles.size_ns = case
                when pieces.to_ns - pieces.from_ns = {{ day_ns }} then timeframes.coarsest_ns
                else timeframes.finest_ns
            end
            and pieces.from_ns <= candles.bucket_start_ns
            and pieces.to_ns >= candles.bucket_start_ns + candles.size_ns
            and {{ kraken_candles.pending_bounds('candles.kept_on') }}
    where pieces.is_bare
    group by timeframes.timeframe, pieces.symbol, pieces.from_ns, {{ start_ns }}
{% endmacro %}
