{# The variable kraken_candles_bars, checked, as a list of {name, measure, size, bar_size, symbols}: measure is trades, base_volume or
   quote_volume, size a literal of SQL of its type, bar_size both in words, symbols a list, empty for all. #}
{% macro bar_plan() %}
    {%- set given = var('kraken_candles_bars') or [] -%}
    {%- set types = {'trades': 'bigint', 'base_volume': 'decimal(38, 12)', 'quote_volume': 'decimal(38, 24)'} -%}
    {%- if given is string or given is mapping or given is not iterable -%}
        {{ kraken_candles.refuse_bars('is ' ~ given ~ '; it must be a list of {name, trades | base_volume | quote_volume, symbols}') }}
    {%- endif -%}
    {%- set plan = [] -%}
    {%- for bar in given -%}
        {%- set measures = types.keys() | select('in', bar if bar is mapping else []) | list -%}
        {%- if bar is not mapping or bar.name is not string or measures | length != 1 -%}
            {{ kraken_candles.refuse_bars('has the entry ' ~ bar ~ '; each needs a name (text) and one of trades, base_volume and quote_volume') }}
        {%- endif -%}
        {%- for key in bar if key not in ['name', 'symbols', measures[0]] -%}
            {{ kraken_candles.refuse_bars('has ' ~ bar.name ~ ' with ' ~ key ~ '; known are name, trades, base_volume, quote_volume and symbols') }}
        {%- endfor -%}
        {%- if not modules.re.fullmatch('[A-Za-z0-9_]+', bar.name) -%}
            {{ kraken_candles.refuse_bars("has the name '" ~ bar.name ~ "'; a name has letters, digits and _ only") }}
        {%- endif -%}
        {%- for other in plan if other.name | lower == bar.name | lower -%}
            {{ kraken_candles.refuse_bars('has the name ' ~ bar.name ~ ' twice; each name stands once, in capitals or not') }}
        {%- endfor -%}
        {%- set size = bar[measures[0]] | string -%}
        {%- set form = '[0-9]{1,18}' if measures[0] == 'trades' else '[0-9]{1,14}([.][0-9]{1,12})?' -%}
        {%- if not modules.re.fullmatch(form, size) or size | float == 0 -%}
            {{ kraken_candles.refuse_bars(
                'has ' ~ bar.name ~ ' with ' ~ measures[0] ~ ' ' ~ size ~ '; it must be '
                ~ ('a whole number from 1' if measures[0] == 'trades' else 'a number above 0 in plain digits, quoted where YAML would write it otherwise')
            ) }}
        {%- endif -%}
        {%- if measures[0] != 'trades' and size | float < 0.0001 -%}
            {{ kraken_candles.refuse_bars(
                'has ' ~ bar.name ~ ' with ' ~ measures[0] ~ ' ' ~ size ~ '; it must be 0.0001 or more, or the bars of a day could not be counted in 64 bits'
            ) }}
        {%- endif -%}
        {%- set symbols = bar.get('symbols') or [] -%}
        {%- if symbols is string or symbols is mapping or symbols | reject('string') | list -%}
            {{ kraken_candles.refuse_bars('has ' ~ bar.name ~ ' with symbols ' ~ symbols ~ '; it must be a list such as [BTC/USD]') }}
        {%- endif -%}
        {%- for symbol in symbols if not modules.re.fullmatch("[^'\\\\]+", symbol) -%}
            {{ kraken_candles.refuse_bars('has ' ~ bar.name ~ ' with the symbol ' ~ symbol ~ '; symbols are as BTC/USD') }}
        {%- endfor -%}
        {%- do plan.append({
            'name': bar.name, 'measure': measures[0], 'bar_size': measures[0] ~ ' ' ~ size, 'size': 'cast(' ~ "'" ~ size ~ "' as " ~ types[measures[0]] ~ ')', 'symbols': symbols,
        }) -%}
    {%- endfor -%}
    {{- return(plan) -}}
{% endmacro %}

{# Ends the run with what is wrong with kraken_candles_bars. #}
{% macro refuse_bars(fact) %}
    {{- exceptions.raise_compiler_error('The variable kraken_candles_bars ' ~ fact ~ '.') -}}
{% endmacro %}

{# Before new rows come: takes away bars that are not asked for any more, and those of pending days, which are made anew. Of days whose trades
   are removed all stay: nobody could make them again. #}
{% macro clear_bars() %}
    {%- set bare_days = ref('bare_days') -%}
    {%- if execute and is_incremental() -%}
    {%- set names = kraken_candles.bar_plan() | map(attribute='name') | join("', '") -%}
    {{- adapter.dispatch('clear_bars', 'kraken_candles')("('" ~ names ~ "')", bare_days) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__clear_bars(names, bare_days) -%}
    delete from {{ this }}
    where
        (symbol, traded_on) not in (select bare.symbol, bare.bare_on from {{ bare_days }} as bare)
        and (
            bar not in {{ names }}
            or ({{ kraken_candles.pending_bounds('traded_on') }} and (symbol, traded_on) in {{ kraken_candles.pending_days() }})
        )
{%- endmacro %}

{% macro spark__clear_bars(names, bare_days) -%}
    {%- set days -%}
        select pending.symbol, pending.covered_on as traded_on
        from {{ kraken_candles.pending_days() }} as pending
        left anti join {{ bare_days }} as bare on pending.symbol = bare.symbol and pending.covered_on = bare.bare_on
    {%- endset -%}
    {{- kraken_candles.drop_partitions(this, days, ['symbol', 'traded_on']) -}}
{%- endmacro %}
