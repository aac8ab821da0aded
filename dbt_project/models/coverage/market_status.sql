{{ config(materialized='view') }}

-- Loads that begin side by side may each write down the same status.
with

seen as (
    {{ optional_loaded_rows(source('kraken_raw', 'market_statuses'), {
        'symbol': 'string',
        'status': 'string',
        'seen_at': 'timestamp',
        'previous_seen_at': 'timestamp',
    }) }}
),

ordered as (
    select
        *,
        row_number() over (partition by symbol order by seen_at) as place,
        lag(status) over (partition by symbol order by seen_at) as status_before
    from seen
)

-- What was seen last of the status before ends it; when in between it changed, nobody saw.
select
    symbol,
    status,
    seen_at as seen_from,
    lead(previous_seen_at) over (partition by symbol order by seen_at) as seen_until
from ordered
where place = 1 or coalesce(status, '') <> coalesce(status_before, '')
