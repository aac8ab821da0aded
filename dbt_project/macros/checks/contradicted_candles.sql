{# A subquery of the buckets of compared_candles that differ where Kraken's own figures disagree and ours are those of one side: all finer
   candles, a coarser one, or the candle of a download. Never where Kraken shows a trade that we lack, for then ours may be wrong. Laid over
   what is stored: other timeframes, days and files decide it, and few candles differ. #}
{% macro contradicted_candles() -%}
    {%- set figures = kraken_candles.compared_fields('archive') %}
    (
        with

        differing as (
            select *
            from {{ ref('compared_candles') }}
            where bucket_status = 'differs' and their_trade_count <= our_trade_count
        ),

        {{ kraken_candles.added_rest_candles('symbol in (select differing.symbol from differing)') }}

        select
            differing.timeframe,
            differing.symbol,
            differing.bucket_on,
            differing.bucket_start_ns
        from differing
        inner join added
            on
                differing.symbol = added.symbol
                and differing.timeframe = added.timeframe
                and differing.bucket_start_ns = added.bucket_start_ns
        where
            added.is_contradicted
            {% for field in figures %}
            and differing.our_{{ field }} = added.{{ field }}
            {% endfor %}
        union
        -- The coarser candle has all our trades, and this one lacks some. What it has is ours.
        select
            differing.timeframe,
            differing.symbol,
            differing.bucket_on,
            differing.bucket_start_ns
        from differing
        inner join added
            on
                differing.symbol = added.symbol
                and differing.timeframe = added.finer_timeframe
                and {{ kraken_candles.bucket_start('differing.bucket_start_ns', 'added.size_ns') }} = added.bucket_start_ns
        inner join {{ ref('compared_candles') }} as coarser
            on
                added.symbol = coarser.symbol
                and added.timeframe = coarser.timeframe
                and added.bucket_start_ns = coarser.bucket_start_ns
        where
            added.is_contradicted
            and coarser.bucket_status = 'identical'
            and differing.their_trade_count < differing.our_trade_count
            and differing.their_base_volume < differing.our_base_volume
            and (
                differing.their_trade_count = 0
                or (differing.their_high <= differing.our_high and differing.their_low >= differing.our_low)
            )
        union
        select
            differing.timeframe,
            differing.symbol,
            differing.bucket_on,
            differing.bucket_start_ns
        from differing
        inner join {{ ref('compared_archive_candles') }} as archived
            on
                differing.symbol = archived.symbol
                and differing.timeframe = archived.timeframe
                and differing.bucket_on = archived.bucket_on
                and differing.bucket_start_ns = archived.bucket_start_ns
        where
            archived.bucket_status = 'identical'
            and (
                abs(differing.their_base_volume - archived.their_base_volume)
                > {{ kraken_candles.archive_volume_tolerance('archived.their_base_volume') }}
                {% for field in figures if field != 'base_volume' %}
                or differing.their_{{ field }} <> archived.their_{{ field }}
                {% endfor %}
            )
    )
{%- endmacro %}
