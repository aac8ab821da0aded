-- Gaps as they stood at an instant: time between proven stretches that was not proven then, and whether it is today.
--
-- Units: times UTC, [gap_from, gap_to); gap_seconds; ids_between: ids that lie between both sides, NULL where one is unknown.
-- is_gap_today: the same gap still stands as it stood. Where it is false, it was filled, grew, shrank or was split.
-- Change: instant (now() for the gaps of today; else from the first build that keeps what it replaces; UTC).
set TimeZone = 'UTC';
set variable instant = now();

select
    known.symbol, known.gap_from, known.gap_to,
    date_diff('microsecond', known.gap_from, known.gap_to) / 1e6 as gap_seconds,
    known.reason, known.ids_between, known.is_accepted,
    gaps.symbol is not null as is_gap_today
from gaps_as_of(getvariable('instant')) as known
left join gaps
    on known.symbol = gaps.symbol and known.gap_from = gaps.gap_from and known.gap_to = gaps.gap_to
order by known.symbol, known.gap_from;
