select
    symbol,
    first_missing_id,
    last_missing_id,
    from_time_ns,
    to_time_ns,
    times_asked,
    found_at
from {{ source('kraken_raw', 'id_holes').include(database=false) }}
where
    _dlt_load_id in (
        select loads.load_id
        from {{ source('kraken_raw', '_dlt_loads').include(database=false) }} as loads
        where loads.status = 0
    )
