{{ config(tags='archives') }}

with

written as (
    {{ optional_rows(source('kraken_raw', 'archive_trades'), {
        'symbol': 'string',
        'edition_id': 'bigint',
        'part_id': 'bigint',
        'row_number': 'bigint',
        'time_ns': 'bigint',
        'traded_on': 'date',
        'price': 'decimal(38, 12)',
        'volume': 'decimal(38, 12)',
    }) }}
)

-- Rows are appended, so what a load that was cut off left behind is told by its part.
select
    symbol,
    edition_id,
    row_number,
    time_ns,
    traded_on,
    price,
    volume
from written
where part_id in (select parts.part_id from {{ ref('stg_archive_parts') }} as parts)
