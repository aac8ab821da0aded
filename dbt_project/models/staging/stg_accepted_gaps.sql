{%- set variable = 'kraken_candles_accepted_gaps' %}
{%- set columns = {'symbol': 'text', 'gap_from': 'time', 'gap_to': 'time', 'reason': 'text', 'until': 'optional_day'} %}
{{- check_accepted_lines(variable, columns, range=['gap_from', 'gap_to']) }}

select
    symbol,
    {{ accepted_timestamp('gap_from') }} as gap_from,
    {{ accepted_timestamp('gap_to') }} as gap_to,
    reason,
    cast(until as date) as until,
    coalesce(cast(until as date) < cast({{ utc_now() }} as date), false) as is_expired
from {{ from_accepted_lines(variable, columns) }}
