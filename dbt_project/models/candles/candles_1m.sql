-- The one pass over all trades. No type changes here and no join: either would cost more than the aggregate itself.
select
    symbol,
    {{ bucket_start('time_ns', 60000000000) }} as bucket_start_ns,
    {{ first_by('price', trade_order()) }} as open,
    max(price) as high,
    min(price) as low,
    {{ last_by('price', trade_order()) }} as close,
    {{ sum_exact('volume') }} as base_volume,
    {{ sum_exact(multiply_exact('price', 'volume')) }} as quote_volume,
    count(*) as trade_count,
    min(nullif(trade_id, 0)) as first_trade_id,
    max(nullif(trade_id, 0)) as last_trade_id
from {{ ref('stg_trades') }}
group by 1, 2
order by 1, 2
