{# A subquery of the candles of the OHLCVT files, each of the file that speaks for its bucket: a row for each symbol, timeframe and bucket.
   Read where they were imported to, not copied: there may be a billion of them. is_last_of_file: the file may end within the bucket. #}
{% macro chosen_archive_candles() -%}
    {%- set start_ns = kraken_candles.ns_from_timestamp('stored.bucket_start') -%}
    (
        select
            stored.symbol,
            stored.timeframe,
            stored.timeframe_seconds,
            stored.bucket_start,
            {{ start_ns }} as bucket_start_ns,
            {{ start_ns }} + stored.timeframe_seconds * 1000000000 as bucket_end_ns,
            cast(stored.bucket_start as date) as bucket_on,
            stored.open,
            stored.high,
            stored.low,
            stored.close,
            stored.base_volume,
            stored.trade_count,
            chosen.edition_id,
            {{ start_ns }} + stored.timeframe_seconds * 1000000000 >= chosen.file_to_ns as is_last_of_file
        from {{ kraken_candles.archive_candles() }} as stored
        inner join {{ ref('archive_spans') }} as chosen
            on
                stored.edition_id = chosen.edition_id
                and {{ start_ns }} >= chosen.from_ns
                and {{ start_ns }} < chosen.to_ns
        where chosen.is_current
    )
{%- endmacro %}
