-- Candles that were not kept are rolled up from the coarsest kept ones that divide them; what none divides cannot be made.
select
    bare.symbol,
    bare.bare_on,
    timeframes.timeframe,
    timeframes.size_ns,
    max(kept.size_ns) as coarsest_ns,
    min(kept.size_ns) as finest_ns
from {{ ref('bare_days') }} as bare
cross join {{ ref('timeframes') }} as timeframes
left join {{ ref('kept_days') }} as kept
    on bare.symbol = kept.symbol and bare.bare_on = kept.kept_on and timeframes.size_ns % kept.size_ns = 0
where not timeframes.spans_days
group by bare.symbol, bare.bare_on, timeframes.timeframe, timeframes.size_ns
