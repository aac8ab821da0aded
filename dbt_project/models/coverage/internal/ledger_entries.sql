-- What proves that a stretch of time is loaded by ids or answers: a page of Kraken's, or a part of a file with trade ids.
-- Files end at their last trade; where the ids go on in the next file or page, nothing lies between, so this is proven too.
with

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
        parts.symbol,
        parts.load_id,
        parts.covered_from_ns,
        case
            when parts.last_row = max(parts.last_row) over (partition by parts.edition_id) then editions.covered_to_ns
            else parts.covered_to_ns
        end as covered_to_ns,
        parts.row_count as new_trade_count,
        parts.first_trade_id,
        parts.last_trade_id,
        parts.first_time_ns,
        parts.last_time_ns,
        1 as is_archive,
        case when parts.idless_count > 0 then 1 else 0 end as has_idless
    from {{ ref('stg_archive_parts') }} as parts
    inner join {{ ref('archive_editions') }} as editions on parts.edition_id = editions.edition_id
    where parts.format = 'trades_with_ids'
),

reached as (
    select
        *,
        max(last_trade_id) over (
            partition by symbol order by first_trade_id, last_trade_id
            rows between unbounded preceding and 1 preceding
        ) as reached_id
    from given
    where
        first_trade_id is not null
        and symbol in (
            select entries.symbol
            from given as entries
            where entries.is_archive = 1
        )
),

followed as (
    select
        symbol,
        load_id,
        first_trade_id,
        first_time_ns,
        is_archive,
        has_idless,
        lag(last_trade_id) over (partition by symbol order by first_trade_id, last_trade_id) as last_id_before,
        lag(last_time_ns) over (partition by symbol order by first_trade_id, last_trade_id) as last_time_before_ns,
        lag(is_archive) over (partition by symbol order by first_trade_id, last_trade_id) as is_archive_before,
        lag(has_idless) over (partition by symbol order by first_trade_id, last_trade_id) as has_idless_before
    from reached
    where reached_id is null or last_trade_id > reached_id
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
        is_archive = 1 as is_archive
    from given
    union all
    select
        symbol,
        load_id,
        least(last_time_before_ns, first_time_ns) as covered_from_ns,
        greatest(last_time_before_ns, first_time_ns) + 1 as covered_to_ns,
        0 as new_trade_count,
        null as first_trade_id,
        null as last_trade_id,
        null as first_time_ns,
        null as last_time_ns,
        true as is_archive
    from followed
    where
        first_trade_id <= last_id_before + 1
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
    is_archive,
    -- Stretches that meet have one number.
    case
        when has_length
            then cast(sum(case when has_length and not coalesce(covered_from_ns <= reached_ns, false) then 1 else 0 end) over (
                partition by symbol order by covered_from_ns, covered_to_ns
                rows between unbounded preceding and current row
            ) as bigint)
    end as range_number
from followed_in_time
