{{ config(materialized='ephemeral') }}

-- Every timeframe straight from the minutes; volumes are carried as exact sums, so nothing is lost on the way up.
{% for timeframe in var('kraken_candles_timeframes') %}
select
    symbol,
    cast('{{ timeframe.name }}' as string) as timeframe,
    {{ bucket_start('bucket_start_ns', timeframe.seconds * 1000000000) }} as bucket_start_ns,
    {{ first_by('open', 'bucket_start_ns') }} as open,
    max(high) as high,
    min(low) as low,
    {{ last_by('close', 'bucket_start_ns') }} as close,
    {{ sum_exact('base_volume') }} as base_volume,
    {{ sum_exact('quote_volume') }} as quote_volume,
    sum(trade_count) as trade_count,
    min(first_trade_id) as first_trade_id,
    max(last_trade_id) as last_trade_id
from {{ ref('candles_1m') }}
group by 1, 2, 3
{% if not loop.last %}union all{% endif %}
{% endfor %}
