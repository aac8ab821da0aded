{# From a symbol's first covered instant to its last, coverage and gaps follow each other without a break or an overlap. #}
{% macro covered_or_gap(gaps, coverage) %}
    with

    stretches as (
        select symbol, covered_from_ns as from_ns, covered_to_ns as to_ns, 1 as is_covered from {{ coverage }}
        union all
        select symbol, gap_from_ns as from_ns, gap_to_ns as to_ns, 0 as is_covered from {{ gaps }}
    ),

    ordered as (
        select
            *,
            lag(to_ns) over (partition by symbol order by from_ns) as reached_ns
        from stretches
    )

    select {{ kraken_candles.row_key({'symbol': 'symbol', 'from_ns': 'from_ns', 'reached_ns': 'reached_ns'}) }} as row_key
    from ordered
    where from_ns <> reached_ns
{% endmacro %}
