{# The body of a CTE: one row for each file of Kraken's official downloads that a complete load imported to its end. #}
{% macro archive_files() -%}
    {{- kraken_candles.optional_loaded_rows(source('kraken_raw', 'archive_files'), {
        'edition_id': 'bigint',
        'symbol': 'string',
        'altname': 'string',
        'format': 'string',
        'timeframe': 'string',
        'archive': 'string',
        'member': 'string',
        'size_bytes': 'bigint',
        'crc32': 'bigint',
        'content_hash': 'string',
        'row_count': 'bigint',
        'refused_count': 'bigint',
        'left_out_count': 'bigint',
        'base_volume': 'decimal(38, 12)',
        'first_time_ns': 'bigint',
        'last_time_ns': 'bigint',
        'wanted_from_ns': 'bigint',
        'wanted_to_ns': 'bigint',
        'covered_from_ns': 'bigint',
        'covered_to_ns': 'bigint',
        'is_ascending': 'boolean',
        'is_whole_days': 'boolean',
        'imported_at': 'timestamp',
    }) -}}
{%- endmacro %}
