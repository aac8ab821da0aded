with

ranges as (
    select
        symbol,
        range_number,
        min(from_ns) as covered_from_ns,
        max(to_ns) as covered_to_ns,
        min(first_trade_id) as first_trade_id,
        max(last_trade_id) as last_trade_id,
        sum(trade_count) as trade_count,
        sum(id_count) as id_count,
        max(case when edition_id <> 0 then 1 else 0 end) = 1 as has_file_rows,
        sum(case when edition_id = 0 then trade_count - id_count else 0 end) as idless_count,
        max(case when edition_id = 0 and trade_count = 0 then 1 else 0 end) = 1 as has_quiet,
        max(case when is_last then 1 else 0 end) = 1 as is_latest
    from {{ ref('verified_days') }}
    where is_sound
    group by symbol, range_number
),

-- Trades without an id, in runs between two known ones of the range.
inferred as (
    select
        ranges.symbol,
        ranges.range_number,
        count(*) as inferred_count
    from ranges
    inner join {{ ref('verified_days') }} as days
        on
            ranges.symbol = days.symbol
            and ranges.range_number = days.range_number
            and days.is_sound
            and days.edition_id = 0
            and days.trade_count > days.id_count
    inner join {{ ref('inferred_ids') }} as ids
        on
            days.symbol = ids.symbol
            and days.covered_on = ids.traded_on
            and days.from_ns <= ids.time_ns
            and days.to_ns > ids.time_ns
            and ranges.first_trade_id < ids.inferred_trade_id
            and ranges.last_trade_id > ids.inferred_trade_id
    group by ranges.symbol, ranges.range_number
),

stepped_back as (
    select
        ranges.symbol,
        ranges.covered_from_ns,
        sum(pages.stepped_back_count) as stepped_back_count
    from ranges
    inner join {{ ref('stg_pages') }} as pages
        on
            ranges.symbol = pages.symbol
            and ranges.covered_from_ns <= pages.first_time_ns
            and ranges.covered_to_ns > pages.first_time_ns
    where pages.stepped_back_count > 0
    group by ranges.symbol, ranges.covered_from_ns
)

select
    ranges.symbol,
    {{ timestamp_from_ns('ranges.covered_from_ns') }} as covered_from,
    {{ timestamp_from_ns('ranges.covered_to_ns') }} as covered_to,
    ranges.covered_from_ns,
    ranges.covered_to_ns,
    ranges.first_trade_id,
    ranges.last_trade_id,
    cast(ranges.trade_count as bigint) as trade_count,
    case
        when ranges.trade_count = ranges.id_count and ranges.trade_count > 0
            then ranges.last_trade_id - ranges.first_trade_id + 1 = ranges.id_count
    end as are_ids_contiguous,
    ranges.is_latest,
    substr(
        case when ranges.id_count > 0 then ', ids' else '' end
        || case
            when ranges.idless_count > coalesce(inferred.inferred_count, 0) then ', agreement'
            when ranges.has_quiet and ranges.id_count = 0 then ', agreement'
            else ''
        end
        || case when ranges.has_file_rows then ', file_rows' else '' end,
        3
    ) as proven_by,
    cast(coalesce(stepped_back.stepped_back_count, 0) as bigint) as stepped_back_count
from ranges
left join inferred on ranges.symbol = inferred.symbol and ranges.range_number = inferred.range_number
left join stepped_back
    on ranges.symbol = stepped_back.symbol and ranges.covered_from_ns = stepped_back.covered_from_ns
order by ranges.symbol, ranges.covered_from_ns
