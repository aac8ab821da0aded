select * from {{ kraken_candles.resample('12h', symbol='BTC/USD') }}
