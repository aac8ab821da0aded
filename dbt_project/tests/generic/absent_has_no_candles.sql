{# Where candles of a timeframe within a day cannot be made there is none, so that none claims that nobody traded. #}
{% test absent_has_no_candles(model, checks) %}
    select absent.*
    from {{ model }} as absent
    inner join {{ checks }} as checks
        on absent.symbol = checks.symbol and absent.timeframe = checks.timeframe and absent.bucket_on = checks.bucket_on
    inner join {{ ref('kraken_candles', 'timeframes') }} as timeframes
        on absent.timeframe = timeframes.timeframe and not timeframes.spans_days
    where checks.candle_count > 0
{% endtest %}
