{# Each row agrees with the minutes it spans, found by its own bounds; open and close are those of its first and last minute. #}
{% test rollups_agree(model, minutes) %}
    with

    spanned as (
        {% for timeframe in var('kraken_candles_timeframes') %}
        select
            minutes.symbol,
            '{{ timeframe.name }}' as timeframe,
            {{ bucket_start('minutes.bucket_start_ns', timeframe.seconds * 1000000000) }} as start_ns,
            min(minutes.bucket_start_ns) as first_minute_ns,
            max(minutes.bucket_start_ns) as last_minute_ns,
            max(minutes.high) as high,
            min(minutes.low) as low,
            {{ sum_exact('minutes.base_volume') }} as base_volume,
            {{ sum_exact('minutes.quote_volume') }} as quote_volume,
            sum(minutes.trade_count) as trade_count
        from {{ minutes }} as minutes
        group by 1, 2, 3
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    )

    select candles.*
    from {{ model }} as candles
    left join spanned
        on
            candles.symbol = spanned.symbol
            and candles.timeframe = spanned.timeframe
            and {{ ns_from_timestamp('candles.bucket_start') }} = spanned.start_ns
    left join {{ minutes }} as first_minute
        on spanned.symbol = first_minute.symbol and spanned.first_minute_ns = first_minute.bucket_start_ns
    left join {{ minutes }} as last_minute
        on spanned.symbol = last_minute.symbol and spanned.last_minute_ns = last_minute.bucket_start_ns
    where
        candles.trade_count <> coalesce(spanned.trade_count, 0)
        or candles.base_volume <> coalesce(spanned.base_volume, 0)
        or candles.quote_volume <> coalesce(spanned.quote_volume, 0)
        or candles.high <> spanned.high
        or candles.low <> spanned.low
        or candles.open <> first_minute.open
        or candles.close <> last_minute.close
{% endtest %}
