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
        {{ kraken_candles.taker_buys_of_trades() }},
        count(*) as trade_count,
        min(nullif(trade_id, 0)) as first_trade_id,
        max(nullif(trade_id, 0)) as last_trade_id
    from {{ trades }}
    group by symbol, piece_from_ns, {{ kraken_candles.bucket_start('time_ns', timeframe.size_ns, timeframe.offset_ns) }}
{% endmacro %}

{# start_ns: where the larger bucket starts, as SQL of a finer one, where no length tells it, as with months. #}
{% macro candles_of_candles(candles, timeframe=none, start_ns=none) %}
    {%- set start_ns = start_ns or kraken_candles.bucket_start('bucket_start_ns', timeframe.size_ns, timeframe.offset_ns) %}
    select
        symbol,
        piece_from_ns,
        {{ start_ns }} as bucket_start_ns,
        {{ kraken_candles.first_by('open', 'bucket_start_ns') }} as open,
        max(high) as high,
        min(low) as low,
        {{ kraken_candles.last_by('close', 'bucket_start_ns') }} as close,
        {{ kraken_candles.sum_exact('base_volume') }} as base_volume,
        {{ kraken_candles.sum_exact('quote_volume') }} as quote_volume,
        {{ kraken_candles.taker_buys_of_candles() }},
        sum(trade_count) as trade_count,
        min(first_trade_id) as first_trade_id,
        max(last_trade_id) as last_trade_id
    from {{ candles }}
    group by symbol, piece_from_ns, {{ start_ns }}
{% endmacro %}

{# What takers bought: base, quote and count. NULL where the side of a trade is not known. #}
{% macro taker_buys_of_trades() -%}
    {%- set bought = "case when side = 'buy' then {} else cast(0 as decimal(38, {})) end" -%}
    {%- set amount = kraken_candles.multiply_exact('price', 'volume') -%}
    case when count(side) = count(*) then {{ kraken_candles.sum_exact(bought.format('volume', 12)) }} end as taker_buy_base_volume,
        case when count(side) = count(*) then {{ kraken_candles.sum_exact(bought.format(amount, 24)) }} end as taker_buy_quote_volume,
        case when count(side) = count(*) then count(case when side = 'buy' then 1 end) end as taker_buy_count
{%- endmacro %}

{% macro taker_buys_of_candles(prefix='') -%}
    {%- for field in ['taker_buy_base_volume', 'taker_buy_quote_volume', 'taker_buy_count'] -%}
    {%- set value = prefix ~ field -%}
    {%- set summed = 'sum(' ~ value ~ ')' if field == 'taker_buy_count' else kraken_candles.sum_exact(value) -%}
    case when count({{ value }}) = count(*) then {{ summed }} end as {{ field }}
    {%- if not loop.last %},
        {% endif %}
    {%- endfor -%}
{%- endmacro %}

{# Of a bucket of the grid: what was bought, nothing where nothing traded. #}
{% macro taker_buys_of_bucket(prefix) -%}
    {%- for field, type in [
        ('taker_buy_base_volume', 'decimal(38, 12)'), ('taker_buy_quote_volume', 'decimal(38, 24)'), ('taker_buy_count', 'bigint'),
    ] -%}
    cast(case when {{ prefix }}trade_count is null then 0 else {{ prefix }}{{ field }} end as {{ type }}) as {{ field }}
    {%- if not loop.last %},
    {% endif %}
    {%- endfor -%}
{%- endmacro %}
