{# Before a build of trades: says what to do first where nobody has loaded any, in place of each model's own error. #}
{% macro refuse_nothing_loaded() %}
    {%- if execute and 'model.kraken_candles.stg_trades' in selected_resources and flags.WHICH in ('build', 'run') -%}
        {%- if load_relation(source('kraken_raw', 'trades')) is none -%}
        {{- exceptions.raise_compiler_error(
            'There is no table kraken_raw.trades yet: load first, with `kraken-candles load` or `kraken-candles import`.'
        ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
