{# Whether our field lies no further from Kraken's than the project's tolerance for it. #}
{% macro within_tolerance(field, tolerance) -%}
    abs(our_{{ field }} - their_{{ field }}) <= {{ kraken_candles.checked_number('kraken_candles_tolerance_' ~ tolerance) }}
{%- endmacro %}
