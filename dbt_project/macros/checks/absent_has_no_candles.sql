{# Where candles of a timeframe within a day cannot be made there is none, so that none claims that nobody traded. #}
{% macro absent_has_no_candles(absent, checks) %}
    select
        {{ kraken_candles.row_key({
            'symbol': 'absent.symbol', 'timeframe': 'absent.timeframe', 'bucket_on': 'absent.bucket_on',
            'candle_count': 'checks.candle_count',
        }) }} as row_key
    from {{ absent }} as absent
    inner join {{ checks }} as checks
        on absent.symbol = checks.symbol and absent.timeframe = checks.timeframe and absent.bucket_on = checks.bucket_on
    inner join {{ ref('kraken_candles', 'timeframes') }} as timeframes
        on absent.timeframe = timeframes.timeframe and not timeframes.spans_days
    where checks.candle_count > 0
{% endmacro %}
