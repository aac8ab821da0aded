-- How much of each UTC day is proven: every trade of that time is loaded, and none is missing by its id.
--
-- Units: proven_seconds of 86400; proven_percent; gap_count: gaps that touch the day, accepted ones too.
-- A day that is not listed has nothing proven. The first and the newest day are seldom whole, and need no gap for that.
-- Change: symbol, starts_on (inclusive) and ends_on (exclusive).
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable starts_on = date '2026-11-01';
set variable ends_on = date '2027-01-01';

with days as (
    select
        symbol,
        unnest(range(covered_from::date::timestamp, covered_to, interval 1 day)) as day_from,
        covered_from, covered_to
    from coverage
    where symbol = getvariable('symbol')
),

proven as (
    select
        symbol, day_from,
        sum(date_diff('microsecond', greatest(covered_from, day_from), least(covered_to, day_from + interval 1 day))) / 1e6
            as proven_seconds
    from days
    where day_from >= getvariable('starts_on') and day_from < getvariable('ends_on')
    group by symbol, day_from
)

select
    proven.symbol,
    proven.day_from::date as covered_on,
    any_value(proven.proven_seconds) as proven_seconds,
    any_value(proven.proven_seconds) / 864 as proven_percent,
    count(gaps.symbol) as gap_count
from proven
left join gaps
    on proven.symbol = gaps.symbol
    and gaps.gap_from < proven.day_from + interval 1 day and gaps.gap_to > proven.day_from
group by proven.symbol, covered_on
order by covered_on;
