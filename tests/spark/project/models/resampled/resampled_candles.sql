{%- set timeframes = ['3m', '2h', '1w_monday', '2mo', '1h'] %}

{% for timeframe in timeframes -%}
select * from {{ kraken_candles.resample(timeframe) }}
union all
{% endfor -%}
select * from {{ kraken_candles.resample('12h', symbol='random', start='2024-03-01', end='2024-03-10 12:00') }}
