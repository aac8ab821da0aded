{{ config(tags='archives') }}

{{ optional_loaded_rows(source('kraken_raw', 'archive_parts'), {
    'edition_id': 'bigint',
    'part_id': 'bigint',
    'symbol': 'string',
    'format': 'string',
    'timeframe': 'string',
    'first_row': 'bigint',
    'last_row': 'bigint',
    'row_count': 'bigint',
    'idless_count': 'bigint',
    'base_volume': 'decimal(38, 12)',
    'first_time_ns': 'bigint',
    'last_time_ns': 'bigint',
    'first_trade_id': 'bigint',
    'last_trade_id': 'bigint',
    'covered_from_ns': 'bigint',
    'covered_to_ns': 'bigint',
    'taken_at': 'timestamp',
}) }}
