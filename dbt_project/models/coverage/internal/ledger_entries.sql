{%- set order_of_ids = 'first_trade_id, last_trade_id, covered_from_ns, covered_to_ns, load_id' %}

-- What proves that a stretch of time is loaded by ids or answers: a page of Kraken's, or a part of a file with trade ids.
-- Files end at their last trade; where the ids go on in the next file or page, nothing lies between, so this is proven too.
with

parts as (
    {{ edition_parts('trades_with_ids') }}
),

given as (
    select
        symbol,
        load_id,
        covered_from_ns,
        covered_to_ns,
        new_trade_count,
        first_trade_id,
        last_trade_id,
        first_time_ns,
        last_time_ns,
        0 as is_archive,
        0 as has_idless
    from {{ ref('stg_pages') }}
    union all
    select
        symbol,
        load_id,
        covered_from_ns,
        ends_at_ns as covered_to_ns,
        row_count as new_trade_count,
        first_trade_id,
        last_trade_id,
        first_time_ns,
        last_time_ns,
        1 as is_archive,
        case when idless_count > 0 then 1 else 0 end as has_idless
    from parts
),

-- What has all its ids below those reached before (a repair) neither opens nor closes a seam. Two may have the same ids.
reached as (
    select
        *,
        first_trade_id is not null and coalesce(
            last_trade_id > max(last_trade_id) over (
                partition by symbol order by {{ order_of_ids }}
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as is_ahead
    from given
),

followed as (
    select
        *,
        case when is_ahead then lag(last_trade_id) over in_order end as last_trade_id_before,
        case when is_ahead then lag(last_time_ns) over in_order end as last_time_ns_before,
        lag(is_archive) over in_order as is_archive_before,
        lag(has_idless) over in_order as has_idless_before
    from reached
    window in_order as (partition by symbol, is_ahead order by {{ order_of_ids }})
),

entries as (
    select
        symbol,
        load_id,
        covered_from_ns,
        covered_to_ns,
        new_trade_count,
        first_trade_id,
        last_trade_id,
        first_time_ns,
        last_time_ns,
        last_trade_id_before,
        last_time_ns_before
    from followed
    union all
    select
        symbol,
        load_id,
        least(last_time_ns_before, first_time_ns) as covered_from_ns,
        greatest(last_time_ns_before, first_time_ns) + 1 as covered_to_ns,
        0 as new_trade_count,
        null as first_trade_id,
        null as last_trade_id,
        null as first_time_ns,
        null as last_time_ns,
        null as last_trade_id_before,
        null as last_time_ns_before
    from followed
    where
        first_trade_id <= last_trade_id_before + 1
        and is_archive + is_archive_before > 0
        and has_idless + has_idless_before = 0
),

followed_in_time as (
    select
        *,
        covered_from_ns < covered_to_ns as has_length,
        max(case when covered_from_ns < covered_to_ns then covered_to_ns end) over (
            partition by symbol order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and 1 preceding
        ) as reached_ns
    from entries
)

select
    symbol,
    load_id,
    covered_from_ns,
    covered_to_ns,
    new_trade_count,
    first_trade_id,
    last_trade_id,
    first_time_ns,
    last_time_ns,
    last_trade_id_before,
    last_time_ns_before,
    -- Stretches that meet have one number.
    case
        when has_length
            then cast(sum(case when has_length and not coalesce(covered_from_ns <= reached_ns, false) then 1 else 0 end) over (
                partition by symbol order by covered_from_ns, covered_to_ns
                rows between unbounded preceding and current row
            ) as bigint)
    end as range_number
from followed_in_time
