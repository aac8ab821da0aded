{# No bucket has both a row of Kraken's and a closed candle made of trades, nor two of Kraken's. Archives are long: they are looked at beside
   trades on the days alone in which coverage begins or ends, for within it they have no row. #}
{% test one_source_a_bucket(model, candles, coverage) %}
    with

    edges as (
        {% for edge in ['covered_from_ns', 'covered_to_ns'] %}
        select
            symbol,
            cast(cast({{ kraken_candles.timestamp_from_ns(edge) }} as date) as timestamp) as day_start
        from {{ coverage }}
        {% if not loop.last %}union{% endif %}
        {% endfor %}
    )

    select theirs.*
    from {{ model }} as theirs
    inner join {{ candles }} as ours
        on
            theirs.symbol = ours.symbol
            and theirs.timeframe = ours.timeframe
            and theirs.bucket_start = ours.bucket_start
    where theirs.source = 'rest' and ours.is_closed
    union all
    select theirs.*
    from {{ model }} as theirs
    inner join edges
        on
            theirs.symbol = edges.symbol
            and theirs.bucket_start >= edges.day_start
            and theirs.bucket_start < edges.day_start + interval '1' day
    inner join {{ candles }} as ours
        on
            theirs.symbol = ours.symbol
            and theirs.timeframe = ours.timeframe
            and theirs.bucket_start = ours.bucket_start
    where theirs.source = 'archive' and ours.is_closed
    union all
    select theirs.*
    from {{ model }} as theirs
    inner join {{ model }} as rest
        on
            theirs.symbol = rest.symbol
            and theirs.timeframe = rest.timeframe
            and theirs.bucket_start = rest.bucket_start
    where theirs.source = 'archive' and rest.source = 'rest'
{% endtest %}
