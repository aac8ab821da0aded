{%- set day_ns = 86400000000000 %}

-- What the ledger says of each day, and whether its trades are there. If that is the same as when the day was last built, the day
-- needs no building.
with

-- The last trade of a full page stands at the range's very end, which is exclusive.
page_days as (
    select
        symbol,
        load_id,
        new_trade_count,
        {{ bucket_series(
            bucket_start('covered_from_ns', day_ns), 'greatest(covered_to_ns, coalesce(last_time_ns, 0) + 1)', day_ns
        ) }} as day_start_ns
    from {{ ref('ledger_entries') }}
),

loaded as (
    select
        symbol,
        day_start_ns,
        -- pages without trades change nothing but coverage
        sum(case when new_trade_count > 0 then 1 else 0 end) as page_count,
        sum(new_trade_count) as new_trade_count,
        max(load_id) as last_load_id
    from page_days
    group by symbol, day_start_ns
)

select
    pieces.symbol,
    pieces.covered_on,
    pieces.from_ns,
    pieces.to_ns,
    bare.symbol is not null and pieces.edition_id = 0 as is_bare,
    pieces.edition_id,
    pieces.archive_load_id,
    cast(coalesce(loaded.page_count, 0) as bigint) as page_count,
    cast(coalesce(loaded.new_trade_count, 0) as bigint) as new_trade_count,
    nullif(greatest(coalesce(loaded.last_load_id, ''), coalesce(pieces.archive_load_id, '')), '') as last_load_id
from {{ ref('day_pieces') }} as pieces
left join loaded
    on pieces.symbol = loaded.symbol and pieces.covered_on = cast({{ timestamp_from_ns('loaded.day_start_ns') }} as date)
left join {{ ref('bare_days') }} as bare on pieces.symbol = bare.symbol and pieces.covered_on = bare.bare_on
order by pieces.symbol, pieces.covered_on, pieces.from_ns
