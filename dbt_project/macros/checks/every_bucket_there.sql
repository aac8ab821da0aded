{# Each symbol has in each timeframe as many rows, closed and open, as its coverage has room for, less those that
   cannot be made any more (absent): counted by arithmetic. #}
{% macro every_bucket_there(checks, coverage, absent) %}
    with

    edges as (
        select
            coverage.symbol,
            coverage.is_latest,
            coverage.covered_to_ns,
            timeframes.timeframe,
            timeframes.size_ns,
            {{ kraken_candles.bucket_start(
                'coverage.covered_from_ns + timeframes.size_ns - 1', 'timeframes.size_ns', 'timeframes.offset_ns'
            ) }} as first_ns,
            {{ kraken_candles.bucket_start('coverage.covered_to_ns', 'timeframes.size_ns', 'timeframes.offset_ns') }} as end_ns
        from {{ coverage }} as coverage
        cross join {{ ref('kraken_candles', 'timeframes') }} as timeframes
    ),

    covered as (
        select
            symbol,
            timeframe,
            min(size_ns) as size_ns,
            sum(case when first_ns < end_ns then end_ns - first_ns else 0 end) as closed_ns,
            sum(case when is_latest and end_ns >= first_ns and end_ns < covered_to_ns then 1 else 0 end) as open_count
        from edges
        group by symbol, timeframe
    ),

    lacking as (
        select symbol, timeframe, sum(closed_count) as closed_count, sum(open_count) as open_count
        from {{ absent }}
        group by symbol, timeframe
    ),

    expected as (
        select
            covered.symbol,
            covered.timeframe,
            covered.size_ns,
            covered.closed_ns - coalesce(lacking.closed_count, 0) * covered.size_ns as closed_ns,
            covered.open_count - coalesce(lacking.open_count, 0) as open_count
        from covered
        left join lacking on covered.symbol = lacking.symbol and covered.timeframe = lacking.timeframe
    ),

    counted as (
        select
            symbol,
            timeframe,
            sum(closed_count) as closed_count,
            sum(candle_count - closed_count) as open_count
        from {{ checks }}
        group by symbol, timeframe
    )

    select
        {{ kraken_candles.row_key({
            'symbol': 'coalesce(expected.symbol, counted.symbol)',
            'timeframe': 'coalesce(expected.timeframe, counted.timeframe)',
            'expected_closed_ns': 'expected.closed_ns',
            'closed_ns': 'counted.closed_count * expected.size_ns',
            'expected_open_count': 'expected.open_count',
            'open_count': 'counted.open_count',
        }) }} as row_key
    from expected
    full outer join counted on expected.symbol = counted.symbol and expected.timeframe = counted.timeframe
    where
        expected.symbol is null
        or expected.closed_ns <> coalesce(counted.closed_count, 0) * expected.size_ns
        or expected.open_count <> coalesce(counted.open_count, 0)
{% endmacro %}
