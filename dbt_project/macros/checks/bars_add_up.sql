{# The bars of a day hold its proven trades and their volume, exactly, and are of the size that is asked for under their name. None may be
   there of a day whose trades were removed before, and of what is not asked for any more. #}
{% macro bars_add_up(bars, days) %}
    with

    -- every symbol that has trades, also one of which no bar was made
    asked as (
        {% for bar in kraken_candles.bar_plan() -%}
        select
            '{{ bar.name }}' as bar,
            '{{ bar.bar_size }}' as bar_size,
            traded.symbol
        from (select distinct symbol from {{ days }} where trade_count > 0) as traded
        {%- if bar.symbols %}
        where traded.symbol in ('{{ bar.symbols | join("', '") }}')
        {%- endif %}
        union all
        {% endfor -%}
        select
            '' as bar,
            '' as bar_size,
            '' as symbol
        where false
    ),

    held as (
        select
            bar,
            bar_size,
            symbol,
            traded_on,
            sum(trade_count) as trade_count,
            {{ kraken_candles.sum_exact('base_volume') }} as base_volume
        from {{ bars }}
        group by bar, bar_size, symbol, traded_on
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
        inner join (
            select asked.bar, asked.symbol from asked
            union
            select held.bar, held.symbol from held
        ) as bars on days.symbol = bars.symbol
        where verified.is_sound and days.trade_count > 0
        group by bars.bar, days.symbol, days.covered_on
    )

    select
        {{ kraken_candles.row_key({
            'bar': 'coalesce(held.bar, proven.bar)',
            'symbol': 'coalesce(held.symbol, proven.symbol)',
            'traded_on': 'coalesce(held.traded_on, proven.covered_on)',
            'bar_size': 'held.bar_size',
            'asked_bar_size': 'asked.bar_size',
            'trade_count': 'held.trade_count',
            'proven_trade_count': 'proven.trade_count',
            'base_volume': 'held.base_volume',
            'proven_base_volume': 'proven.base_volume',
        }) }} as row_key
    from held
    full outer join proven
        on held.bar = proven.bar and held.symbol = proven.symbol and held.traded_on = proven.covered_on
    left join asked
        on coalesce(held.bar, proven.bar) = asked.bar and coalesce(held.symbol, proven.symbol) = asked.symbol
    where
        proven.bar is null
        or (held.bar is null and not proven.is_bare and asked.bar is not null)
        or held.bar_size <> asked.bar_size
        or held.trade_count <> proven.trade_count
        or held.base_volume <> proven.base_volume
{% endmacro %}
