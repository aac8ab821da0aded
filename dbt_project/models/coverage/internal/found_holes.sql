with

pages as (
    select
        symbol,
        first_trade_id,
        last_trade_id,
        first_time_ns,
        last_time_ns,
        max(last_trade_id) over (
            partition by symbol order by first_trade_id, last_trade_id
            rows between unbounded preceding and 1 preceding
        ) as reached_id
    from {{ ref('ledger_entries') }}
    where first_trade_id is not null
),

-- A page whose ids all lie below what was reached before (a repair) neither opens nor closes a seam.
frontier as (
    select
        symbol,
        first_trade_id,
        first_time_ns,
        lag(last_trade_id) over (partition by symbol order by first_trade_id) as last_id_before,
        lag(last_time_ns) over (partition by symbol order by first_trade_id) as last_time_before_ns
    from pages
    where reached_id is null or last_trade_id > reached_id
),

jumps as (
    select
        symbol,
        last_id_before + 1 as first_missing_id,
        first_trade_id - 1 as last_missing_id,
        -- stamps of neighbours may stand in the wrong order
        least(last_time_before_ns, first_time_ns) as from_time_ns,
        greatest(last_time_before_ns, first_time_ns) as to_time_ns
    from frontier
    where first_trade_id > last_id_before + 1
),

-- Jumps of ids between two pages between which no time was left out, whatever the loader said.
seams as (
    select jumps.*
    from jumps
    -- Where a stretch that was never asked for lies between, the missing ids are at home there.
    left join {{ ref('page_ranges') }} as ranges
        on
            jumps.symbol = ranges.symbol
            and jumps.from_time_ns < ranges.covered_from_ns
            and jumps.to_time_ns >= ranges.covered_from_ns
    where ranges.symbol is null
),

found as (
    {% for relation, is_recorded in [(ref('stg_id_holes'), 1), ('seams', 0)] %}
    select
        symbol,
        first_missing_id,
        last_missing_id,
        from_time_ns,
        to_time_ns,
        {{ is_recorded }} as is_recorded
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    symbol,
    first_missing_id,
    last_missing_id,
    min(from_time_ns) as from_time_ns,
    max(to_time_ns) as to_time_ns,
    max(is_recorded) = 1 as is_recorded
from found
group by symbol, first_missing_id, last_missing_id
