-- Made anew from the ledger in each build, which is small; all that follows reads this one state of it.
-- The ranges neither touch nor overlap, so two covered segments never meet.
select
    symbol,
    from_ns as covered_from_ns,
    to_ns as covered_to_ns,
    lead(from_ns) over (partition by symbol order by from_ns) is null as is_latest
from {{ ref('coverage_segments') }}
where is_covered
order by symbol, from_ns
