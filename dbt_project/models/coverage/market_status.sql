{{ config(materialized='view') }}

-- What was seen last of the status before ends it; when in between it changed, nobody saw.
select
    symbol,
    status,
    seen_at as seen_from,
    lead(previous_seen_at) over (partition by symbol order by seen_at) as seen_until
from (
    {{ optional_loaded_rows(source('kraken_raw', 'market_statuses'), {
        'symbol': 'string',
        'asset_class': 'string',
        'status': 'string',
        'seen_at': 'timestamp',
        'previous_seen_at': 'timestamp',
    }) }}
) as seen
