{# Each symbol has in each timeframe as many rows, closed and open, as its coverage has room for: counted by arithmetic. #}
{% test every_bucket_there(model, coverage) %}
    with

    expected as (
        {% for timeframe in var('kraken_candles_timeframes') %}
        {%- set size_ns = timeframe.seconds * 1000000000 %}
        {%- set first_ns = bucket_start('covered_from_ns + ' ~ (size_ns - 1), size_ns) %}
        {%- set end_ns = bucket_start('covered_to_ns', size_ns) %}
        select
            symbol,
            '{{ timeframe.name }}' as timeframe,
            sum(case when {{ first_ns }} < {{ end_ns }} then ({{ end_ns }} - {{ first_ns }}) / {{ size_ns }} else 0 end)
                as closed_count,
            sum(case when is_latest and {{ end_ns }} >= {{ first_ns }} and {{ end_ns }} < covered_to_ns then 1 else 0 end)
                as open_count
        from {{ coverage }}
        group by symbol
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    ),

    counted as (
        select
            symbol,
            timeframe,
            sum(case when is_closed then 1 else 0 end) as closed_count,
            sum(case when is_closed then 0 else 1 end) as open_count
        from {{ model }}
        group by symbol, timeframe
    )

    select
        coalesce(expected.symbol, counted.symbol) as symbol,
        coalesce(expected.timeframe, counted.timeframe) as timeframe,
        expected.closed_count as expected_closed_count,
        counted.closed_count,
        expected.open_count as expected_open_count,
        counted.open_count
    from expected
    full outer join counted on expected.symbol = counted.symbol and expected.timeframe = counted.timeframe
    where
        coalesce(expected.closed_count, 0) <> coalesce(counted.closed_count, 0)
        or coalesce(expected.open_count, 0) <> coalesce(counted.open_count, 0)
{% endtest %}
