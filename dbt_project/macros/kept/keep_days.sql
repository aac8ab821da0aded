{# Post-hooks of removal_checks, in the transaction of its rows: what is kept of the days whose trades may go is what this build says of
   them. A day whose trades are gone is left alone, for nothing better can be said of it any more. #}
{% macro keep_candles() %}
    {%- set kept = ref('kept_candles') -%}
    {%- set candles = ref('day_candles') %}
    insert into {{ kept }}
    select
        candles.bucket_end_ns - candles.bucket_start_ns as size_ns,
        candles.bucket_start_ns,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.base_volume,
        candles.quote_volume,
        candles.trade_count,
        candles.first_trade_id,
        candles.last_trade_id,
        candles.symbol,
        candles.bucket_on as kept_on,
        candles.taker_buy_base_volume,
        candles.taker_buy_quote_volume,
        candles.taker_buy_count
    from {{ candles }} as candles
    inner join {{ this }} as days on candles.symbol = days.symbol and candles.bucket_on = days.removed_on
    where {{ kraken_candles.days_to_keep() }} and not candles.is_empty and {{ kraken_candles.wanted_bounds('candles.bucket_on') }}
    order by candles.bucket_start_ns, candles.symbol
{% endmacro %}

{% macro keep_days() %}
    {%- set kept = ref('kept_days') -%}
    {%- set candles = ref('kept_candles') %}
    insert into {{ kept }}
    select
        candles.size_ns,
        candles.size_ns = min(candles.size_ns) over (partition by candles.symbol, candles.kept_on) as is_finest,
        candles.candle_count,
        candles.trade_count,
        candles.base_volume,
        candles.first_trade_id,
        candles.last_trade_id,
        {{ kraken_candles.utc_now() }} as kept_at,
        candles.symbol,
        candles.kept_on
    from (
        select
            candles.symbol,
            candles.kept_on,
            candles.size_ns,
            count(*) as candle_count,
            cast(sum(candles.trade_count) as bigint) as trade_count,
            cast({{ kraken_candles.sum_exact('candles.base_volume') }} as decimal(38, 12)) as base_volume,
            min(candles.first_trade_id) as first_trade_id,
            max(candles.last_trade_id) as last_trade_id
        from {{ candles }} as candles
        inner join {{ this }} as days on candles.symbol = days.symbol and candles.kept_on = days.removed_on
        where {{ kraken_candles.days_to_keep() }} and {{ kraken_candles.wanted_bounds('candles.kept_on') }}
        group by candles.symbol, candles.kept_on, candles.size_ns
    ) as candles
    order by candles.kept_on, candles.symbol
{% endmacro %}

{% macro days_to_keep() -%}
    days.reason is null and not days.is_bare
{%- endmacro %}

{# What was kept of days whose trades are all there is what an earlier build said of them. #}
{% macro forget_kept(model) %}
    {{- return(adapter.dispatch('forget_kept', 'kraken_candles')(ref(model))) -}}
{% endmacro %}

{% macro default__forget_kept(kept) %}
    delete from {{ kept }}
    where
        {{ kraken_candles.wanted_bounds('kept_on') }}
        and (symbol, kept_on) in (select days.symbol, days.removed_on from {{ this }} as days where {{ kraken_candles.days_to_keep() }})
{% endmacro %}

{# Parquet knows no delete; trades are removed on DuckDB only, so nothing is ever kept here. #}
{% macro spark__forget_kept(kept) %}
    {{- return('') -}}
{% endmacro %}
