{{ config(tags='archives') }}

{{ optional_loaded_rows(source('kraken_raw', 'archive_refused_rows'), {
    'edition_id': 'bigint',
    'symbol': 'string',
    'archive': 'string',
    'member': 'string',
    'row_number': 'bigint',
    'line_number': 'bigint',
    'reason': 'string',
    'line': 'string',
    'refused_at': 'timestamp',
}) }}
