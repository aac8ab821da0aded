with

pages as (
    select
        symbol,
        covered_from_ns,
        covered_to_ns,
        max(covered_to_ns) over (
            partition by symbol order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and 1 preceding
        ) as reached_ns
    from {{ ref('ledger_entries') }}
    where covered_from_ns < covered_to_ns
),

numbered as (
    select
        *,
        sum(case when covered_from_ns <= reached_ns then 0 else 1 end) over (
            partition by symbol order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and current row
        ) as range_number
    from pages
)

select
    symbol,
    min(covered_from_ns) as covered_from_ns,
    max(covered_to_ns) as covered_to_ns
from numbered
group by symbol, range_number
