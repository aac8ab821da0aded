{# The bars of a day hold its proven trades and their volume, exactly. None may be there of a day whose trades were removed before, and of what
   is not asked for any more. #}
{% test bars_add_up(model, days) %}
    {%- set asked = ['false'] %}
    {%- for bar in kraken_candles.bar_plan() %}
        {%- set symbols = " and proven.symbol in ('" ~ bar.symbols | join("', '") ~ "')" if bar.symbols else '' %}
        {%- do asked.append("(proven.bar = '" ~ bar.name ~ "'" ~ symbols ~ ')') %}
    {%- endfor %}
    with

    held as (
        select
            bar,
            symbol,
            traded_on,
            sum(trade_count) as trade_count,
            {{ kraken_candles.sum_exact('base_volume') }} as base_volume
        from {{ model }}
        group by bar, symbol, traded_on
    ),

    proven as (
        select
            bars.bar,
            days.symbol,
            days.covered_on,
            max(case when days.is_bare then 1 else 0 end) = 1 as is_bare,
            sum(days.trade_count) as trade_count,
            {{ kraken_candles.sum_exact('days.base_volume') }} as base_volume
        from {{ days }} as days
        inner join {{ ref('kraken_candles', 'verified_days') }} as verified
            on days.symbol = verified.symbol and days.from_ns = verified.from_ns
        inner join (select distinct held.bar, held.symbol from held) as bars on days.symbol = bars.symbol
        where verified.is_sound and days.trade_count > 0
        group by bars.bar, days.symbol, days.covered_on
    )

    select
        coalesce(held.bar, proven.bar) as bar,
        coalesce(held.symbol, proven.symbol) as symbol,
        coalesce(held.traded_on, proven.covered_on) as traded_on,
        held.trade_count,
        proven.trade_count as proven_trade_count,
        held.base_volume,
        proven.base_volume as proven_base_volume
    from held
    full outer join proven
        on held.bar = proven.bar and held.symbol = proven.symbol and held.traded_on = proven.covered_on
    where
        proven.bar is null
        or (held.bar is null and not proven.is_bare and ({{ asked | join(' or ') }}))
        or held.trade_count <> proven.trade_count
        or held.base_volume <> proven.base_volume
{% endtest %}
