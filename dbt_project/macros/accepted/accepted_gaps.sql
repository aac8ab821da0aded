{# The body of a CTE: the lines of the seed that kraken_candles_accepted_gaps names, checked, with whether their last day is over. #}
{% macro accepted_gaps() -%}
    {%- set variable = 'kraken_candles_accepted_gaps' -%}
    {%- set columns = {'symbol': 'text', 'gap_from': 'time', 'gap_to': 'time', 'reason': 'text', 'until': 'optional_day'} -%}
    {{- kraken_candles.check_accepted_lines(variable, columns, range=['gap_from', 'gap_to']) -}}
    select
        symbol,
        {{ kraken_candles.accepted_timestamp('gap_from') }} as gap_from,
        {{ kraken_candles.accepted_timestamp('gap_to') }} as gap_to,
        reason,
        coalesce(cast(until as date) < cast({{ kraken_candles.utc_now() }} as date), false) as is_expired
    from {{ kraken_candles.from_accepted_lines(variable, columns) }}
{%- endmacro %}
