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
        max(case when edition_id = 0 and trade_count > id_count then 1 else 0 end) = 1 as has_idless,
        max(case when edition_id = 0 and trade_count = 0 then 1 else 0 end) = 1 as has_quiet,
        max(case when is_last then 1 else 0 end) = 1 as is_latest
    from {{ ref('carried_days') }}
    group by symbol, range_number
)

select
    symbol,
    {{ timestamp_from_ns('covered_from_ns') }} as covered_from,
    {{ timestamp_from_ns('covered_to_ns') }} as covered_to,
    covered_from_ns,
    covered_to_ns,
    first_trade_id,
    last_trade_id,
    cast(trade_count as bigint) as trade_count,
    case
        when trade_count = id_count and trade_count > 0 then last_trade_id - first_trade_id + 1 = id_count
    end as are_ids_contiguous,
    is_latest,
    substr(
        case when id_count > 0 then ', ids' else '' end
        || case when has_idless or (has_quiet and id_count = 0) then ', agreement' else '' end
        || case when has_file_rows then ', file_rows' else '' end,
        3
    ) as proven_by
from ranges
order by symbol, covered_from_ns
