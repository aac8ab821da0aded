{# A subquery of the candles of the OHLCVT files that complete loads committed, whether their file counts or not. Rows are appended, so what a
   load that was cut off left behind is told by its part. #}
{% macro archive_candles() -%}
    (
        select
            symbol,
            edition_id,
            timeframe,
            timeframe_seconds,
            bucket_start,
            open,
            high,
            low,
            close,
            base_volume,
            trade_count
        from (
            {{ kraken_candles.optional_rows(source('kraken_raw', 'archive_candles'), {
                'symbol': 'string',
                'edition_id': 'bigint',
                'part_id': 'bigint',
                'timeframe': 'string',
                'timeframe_seconds': 'bigint',
                'bucket_start': 'timestamp',
                'open': 'decimal(38, 12)',
                'high': 'decimal(38, 12)',
                'low': 'decimal(38, 12)',
                'close': 'decimal(38, 12)',
                'base_volume': 'decimal(38, 12)',
                'trade_count': 'bigint',
            }) }}
        ) as written
        where part_id in (select parts.part_id from {{ ref('stg_archive_parts') }} as parts)
    )
{%- endmacro %}
