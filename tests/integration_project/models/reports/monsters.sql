select place from {{ source('kraken_raw', 'trades') }}
