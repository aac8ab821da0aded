{%- set variable = 'kraken_candles_accepted_differences' %}
{%- set columns = {
    'symbol': 'text', 'timeframe': 'timeframe', 'bucket_from': 'time', 'bucket_to': 'optional_time', 'reason': 'text',
    'until': 'optional_day',
} %}
{{- check_accepted_lines(variable, columns, range=['bucket_from', 'bucket_to']) }}

select
    symbol,
    timeframe,
    {{ accepted_timestamp('bucket_from') }} as bucket_from,
    {{ accepted_timestamp('bucket_to') }} as bucket_to,
    reason,
    cast(until as date) as until,
    coalesce(cast(until as date) < cast({{ utc_now() }} as date), false) as is_expired
from {{ from_accepted_lines(variable, columns) }}
