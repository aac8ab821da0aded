{{ optional_rows(source('kraken_ops', 'repair_attempts'), {
    'symbol': 'string',
    'from_ns': 'bigint',
    'to_ns': 'bigint',
    'reason': 'string',
    'first_missing_id': 'bigint',
    'last_missing_id': 'bigint',
    'times_asked': 'bigint',
    'outcome': 'string',
    'error': 'string',
    'is_given_up': 'boolean',
    'happened_at': 'timestamp',
    'job_id': 'bigint',
}) }}
