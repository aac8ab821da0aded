{# A subquery of Kraken's own candles, those of rest_candles and of archive_candles, with source and is_best, whether it is the best that is
   known of its bucket. Rows of the OHLC endpoint stay as Kraken gave them; only the policy omit, which wants no row, takes the empty ones
   away. It lacks trades of some years that the downloads have, so a candle of theirs with more trades comes first; with as many, that of
   the endpoint, which has a vwap. No CTE, for what a query asks for does not reach through one that stands in it twice. #}
{% macro exchange_candles() -%}
    (
        select
            cast('rest' as {{ dbt.type_string() }}) as source,
            rest.symbol,
            rest.timeframe,
            rest.bucket_on,
            {{ kraken_candles.timestamp_from_ns('rest.bucket_start_ns') }} as bucket_start,
            rest.bucket_start_ns,
            rest.bucket_end_ns,
            {{ kraken_candles.exchange_candle_columns('rest.', has_vwap=true) }},
            {{ kraken_candles.is_outside_of_ours('rest') }}
            and not coalesce(archive.trade_count > rest.trade_count, false)
            and not (rest.trade_count = 0 and {{ kraken_candles.empty_bucket_policy('rest.symbol', 'rest.timeframe') }} = 'omit')
                as is_best
        from (
            select
                *,
                bucket_start_ns + timeframe_seconds * 1000000000 as bucket_end_ns
            from {{ ref('rest_versions') }}
            where is_newest
        ) as rest
        {{ kraken_candles.joined_with_ours('rest') }}
        left join {{ kraken_candles.chosen_archive_candles() }} as archive
            on
                rest.symbol = archive.symbol
                and rest.timeframe = archive.timeframe
                and {{ kraken_candles.timestamp_from_ns('rest.bucket_start_ns') }} = archive.bucket_start
        union all
        select
            cast('archive' as {{ dbt.type_string() }}) as source,
            archive.symbol,
            archive.timeframe,
            archive.bucket_on,
            archive.bucket_start,
            archive.bucket_start_ns,
            archive.bucket_end_ns,
            {{ kraken_candles.exchange_candle_columns('archive.') }},
            (rest.symbol is null or archive.trade_count > rest.trade_count)
            and {{ kraken_candles.is_outside_of_ours('archive') }}
            and not (archive.trade_count = 0 and {{ kraken_candles.empty_bucket_policy('archive.symbol', 'archive.timeframe') }} = 'omit')
                as is_best
        from {{ kraken_candles.chosen_archive_candles() }} as archive
        {{ kraken_candles.joined_with_ours('archive') }}
        left join {{ ref('rest_versions') }} as rest
            on
                archive.symbol = rest.symbol
                and archive.timeframe = rest.timeframe
                and archive.bucket_on = rest.bucket_on
                and archive.bucket_start_ns = rest.bucket_start_ns
                and rest.is_newest
    )
{%- endmacro %}

{# Open to is_empty of a candle of Kraken's own, as candles has them: what Kraken does not give is NULL, and a download has no vwap. #}
{% macro exchange_candle_columns(of='', has_vwap=false) -%}
    {% for field in ['open', 'high', 'low', 'close', 'base_volume'] -%}
    {{ of }}{{ field }},
    {% endfor -%}
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    {{ of ~ 'vwap' if has_vwap else 'cast(null as decimal(38, 12)) as vwap' }},
    {{ of }}trade_count,
    cast(null as bigint) as taker_buy_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    {{ of }}trade_count = 0 as is_empty
{%- endmacro %}
