-- The package's table is named with its package; a bare name means one's own.
select
    candles.symbol,
    candles.bucket_start,
    candles.close,
    own.material
from {{ ref('kraken_candles', 'candles') }} as candles
cross join {{ ref('candles') }} as own
where candles.timeframe = '1d'
