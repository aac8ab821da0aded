{{ config(materialized='ephemeral') }}

-- Where a stretch was never asked for, that is the reason, whatever ids are missing in it.
select
    symbol,
    from_ns,
    to_ns,
    case when is_asked then 'ids_missing' else 'never_loaded' end as reason
from {{ ref('coverage_segments') }}
where not is_covered
union all
select
    symbol,
    from_ns,
    to_ns,
    'trades_lost' as reason
from {{ ref('checked_days') }}
where not is_sound
