{# One CTE body: the buckets of one timeframe in which something traded, of trades (size and order of trades) or rolled up from the CTE of
   a finer timeframe. Volumes are carried as exact sums, so nothing is lost on the way up. #}
{% macro candles_of_trades(trades, timeframe) %}
    select
        symbol,
        piece_from_ns,
        {{ kraken_candles.bucket_start('time_ns', timeframe.size_ns, timeframe.offset_ns) }} as bucket_start_ns,
        {{ kraken_candles.first_by('price', 'trade_order') }} as open,
        max(price) as high,
        min(price) as low,
        {{ kraken_candles.last_by('price', 'trade_order') }} as close,
        {{ kraken_candles.sum_exact('volume') }} as base_volume,
        {{ kraken_candles.sum_exact(kraken_candles.multiply_exact('price', 'volume')) }} as quote_volume,
        count(*) as trade_count,
        min(nullif(trade_id, 0)) as first_trade_id,
        max(nullif(trade_id, 0)) as last_trade_id
    from {{ trades }}
    group by 1, 2, 3
{% endmacro %}

{% macro candles_of_candles(candles, timeframe) %}
    select
        symbol,
        piece_from_ns,
        {{ kraken_candles.bucket_start('bucket_start_ns', timeframe.size_ns, timeframe.offset_ns) }} as bucket_start_ns,
        {{ kraken_candles.first_by('open', 'bucket_start_ns') }} as open,
        max(high) as high,
        min(low) as low,
        {{ kraken_candles.last_by('close', 'bucket_start_ns') }} as close,
        {{ kraken_candles.sum_exact('base_volume') }} as base_volume,
        {{ kraken_candles.sum_exact('quote_volume') }} as quote_volume,
        sum(trade_count) as trade_count,
        min(first_trade_id) as first_trade_id,
        max(last_trade_id) as last_trade_id
    from {{ candles }}
    group by 1, 2, 3
{% endmacro %}
