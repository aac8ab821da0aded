{# Ends the run with what is wrong with kraken_candles_timeframes. #}
{% macro refuse_timeframes(fact) %}
    {{- exceptions.raise_compiler_error('The variable kraken_candles_timeframes ' ~ fact ~ '.') -}}
{% endmacro %}
