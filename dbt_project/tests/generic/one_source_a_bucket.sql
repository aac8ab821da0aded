{# No bucket has both a row of Kraken's and a closed candle made of trades. #}
{% test one_source_a_bucket(model, candles) %}
    select rest.*
    from {{ model }} as rest
    inner join {{ candles }} as ours
        on
            rest.symbol = ours.symbol
            and rest.timeframe = ours.timeframe
            and rest.bucket_start = ours.bucket_start
    where rest.source = 'rest' and ours.is_closed
{% endtest %}
