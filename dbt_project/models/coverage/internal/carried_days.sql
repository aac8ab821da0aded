{{ config(materialized='ephemeral') }}

-- A piece of coverage that begins where another ends goes on with its range, and with its last close.
with

pieces as (
    select
        symbol,
        covered_on,
        from_ns,
        to_ns,
        is_last,
        is_bare,
        edition_id,
        archive_load_id,
        page_count,
        new_trade_count,
        last_load_id,
        trade_count,
        id_count,
        first_trade_id,
        last_trade_id,
        base_volume,
        close,
        lag(to_ns) over (partition by symbol order by from_ns) as reached_ns
    from {{ ref('checked_days') }}
    where is_sound
),

numbered as (
    select
        *,
        sum(case when from_ns = reached_ns then 0 else 1 end) over (
            partition by symbol order by from_ns
            rows between unbounded preceding and current row
        ) as range_number
    from pieces
)

select
    *,
    {{ last_known('close', 'symbol, range_number', 'from_ns') }} as close_before,
    -- pieces of one day that meet, of two sources, share their buckets
    min(from_ns) over (partition by symbol, range_number, covered_on) as stretch_from_ns
from numbered
