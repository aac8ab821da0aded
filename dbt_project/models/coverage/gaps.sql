{{ config(pre_hook="{{ kraken_candles.remember_gaps() }}", post_hook="{{ kraken_candles.keep_replaced_gaps() }}") }}

{% set edges = [
    ('pieces', 'from_ns', 1, 0, 0),
    ('pieces', 'to_ns', -1, 0, 0),
    ('asked', 'covered_from_ns', 0, 1, 0),
    ('asked', 'covered_to_ns', 0, -1, 0),
    ('files', 'covered_from_ns', 0, 0, 1),
    ('files', 'covered_to_ns', 0, 0, -1),
] -%}

-- A sweep over all that any source has or was asked for. Where a stretch was asked for, ids are missing in it; where it lies
-- within a file, a row of it was refused; else nobody ever asked.
with

pieces as (
    select * from {{ ref('day_pieces') }}
),

asked as (
    {{ page_ranges() }}
),

files as (
    select * from {{ ref('archive_editions') }}
    where format <> 'candles' and covered_from_ns < covered_to_ns
),

edges as (
    {% for relation, at_ns, pieces, asked, files in edges %}
    select
        symbol,
        {{ at_ns }} as at_ns,
        {{ pieces }} as pieces,
        {{ asked }} as asked,
        {{ files }} as files
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

instants as (
    select
        symbol,
        at_ns,
        sum(pieces) as pieces,
        sum(asked) as asked,
        sum(files) as files
    from edges
    group by symbol, at_ns
),

segments as (
    select
        symbol,
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol order by at_ns) as to_ns,
        sum(pieces) over (partition by symbol order by at_ns) as pieces,
        sum(asked) over (partition by symbol order by at_ns) as asked,
        sum(files) over (partition by symbol order by at_ns) as files
    from instants
),

known as (
    select
        symbol,
        min(from_ns) as first_ns,
        max(to_ns) as last_ns
    from pieces
    group by symbol
),

-- Between the first and the last instant that is proven.
uncovered as (
    select
        segments.symbol,
        segments.from_ns,
        segments.to_ns,
        segments.asked,
        segments.files
    from segments
    inner join known
        on
            segments.symbol = known.symbol
            and segments.from_ns >= known.first_ns
            and segments.to_ns <= known.last_ns
    where segments.pieces = 0
),

ends as (
    select
        symbol,
        covered_to_ns as end_ns
    from files
    union
    select
        symbol,
        to_ns as end_ns
    from pieces
    where edition_id > 0
),

unproven as (
    select
        uncovered.symbol,
        uncovered.from_ns,
        uncovered.to_ns,
        case
            when uncovered.asked > 0 then 'ids_missing'
            when uncovered.files > 0 then 'rows_refused'
            when ends.symbol is not null then 'archive_ends'
            else 'never_loaded'
        end as reason
    from uncovered
    left join ends on uncovered.symbol = ends.symbol and uncovered.from_ns = ends.end_ns
    union all
    select
        symbol,
        from_ns,
        to_ns,
        'trades_lost' as reason
    from {{ ref('verified_days') }}
    where not is_sound
),

followed as (
    select
        *,
        lag(to_ns) over (partition by symbol, reason order by from_ns) as reached_ns
    from unproven
),

numbered as (
    select
        *,
        sum(case when from_ns = reached_ns then 0 else 1 end) over (
            partition by symbol, reason order by from_ns
            rows between unbounded preceding and current row
        ) as gap_number
    from followed
),

gaps as (
    select
        symbol,
        reason,
        min(from_ns) as gap_from_ns,
        max(to_ns) as gap_to_ns
    from numbered
    group by symbol, reason, gap_number
),

-- Ids ascend with time, so the nearest known ones on both sides bound what is missing.
neighbours as (
    select
        gaps.symbol,
        gaps.gap_from_ns,
        max(case when coverage.covered_to_ns <= gaps.gap_from_ns then coverage.last_trade_id end) as last_trade_id_before,
        min(case when coverage.covered_from_ns >= gaps.gap_to_ns then coverage.first_trade_id end) as first_trade_id_after
    from gaps
    left join {{ ref('coverage') }} as coverage on gaps.symbol = coverage.symbol
    group by gaps.symbol, gaps.gap_from_ns
),

lines as (
    {{ accepted_gaps() }}
),

accepted as (
    select
        gaps.symbol,
        gaps.gap_from_ns,
        min(lines.reason) as reason
    from gaps
    inner join lines on gaps.symbol = lines.symbol
    where not lines.is_expired and {{ is_gap_in_line('gaps', 'lines') }}
    group by gaps.symbol, gaps.gap_from_ns
),

attempts as (
    {{ optional_rows(source('kraken_ops', 'repair_attempts'), {
        'symbol': 'string',
        'from_ns': 'bigint',
        'to_ns': 'bigint',
        'outcome': 'string',
        'is_given_up': 'boolean',
        'happened_at': 'timestamp',
    }) }}
),

-- A gap was asked for where an attempt held it whole; given up is only what an attempt left just as it is now.
tried as (
    select
        gaps.symbol,
        gaps.gap_from_ns,
        count(*) as attempt_count,
        max(attempts.happened_at) as last_repair_at,
        max(
            case
                when attempts.from_ns = gaps.gap_from_ns and attempts.to_ns = gaps.gap_to_ns and attempts.is_given_up then 1
                else 0
            end
        ) = 1 as is_given_up
    from gaps
    inner join attempts
        on
            gaps.symbol = attempts.symbol
            and gaps.gap_from_ns >= attempts.from_ns
            and gaps.gap_to_ns <= attempts.to_ns
    where attempts.outcome = 'unfilled'
    group by gaps.symbol, gaps.gap_from_ns
)

select
    gaps.symbol,
    {{ timestamp_from_ns('gaps.gap_from_ns') }} as gap_from,
    {{ timestamp_from_ns('gaps.gap_to_ns') }} as gap_to,
    gaps.gap_from_ns,
    gaps.gap_to_ns,
    cast(gaps.reason as {{ dbt.type_string() }}) as reason,
    neighbours.last_trade_id_before,
    neighbours.first_trade_id_after,
    neighbours.first_trade_id_after - neighbours.last_trade_id_before - 1 as ids_between,
    accepted.reason is not null as is_accepted,
    accepted.reason as accepted_reason,
    cast(coalesce(tried.attempt_count, 0) as bigint) as repair_attempts,
    tried.last_repair_at,
    coalesce(tried.is_given_up, false) as is_given_up
from gaps
inner join neighbours on gaps.symbol = neighbours.symbol and gaps.gap_from_ns = neighbours.gap_from_ns
left join accepted on gaps.symbol = accepted.symbol and gaps.gap_from_ns = accepted.gap_from_ns
left join tried on gaps.symbol = tried.symbol and gaps.gap_from_ns = tried.gap_from_ns
order by gaps.symbol, gaps.gap_from_ns
