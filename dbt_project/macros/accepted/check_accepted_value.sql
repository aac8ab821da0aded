{# Raises a compiler error where a value of a line is not what its column's kind allows. where names the seed and the line. #}
{% macro check_accepted_value(where, name, kind, value) %}
    {%- set text = value or '' -%}
    {%- set fact = where ~ ', column ' ~ name ~ ": '" ~ text ~ "' " -%}
    {%- if kind == 'text' and not text.strip() -%}
        {{ exceptions.raise_compiler_error(fact ~ 'is empty; every line needs a ' ~ name ~ '.') }}
    {%- elif kind == 'timeframe' -%}
        {%- set known = kraken_candles.timeframe_plan() | map(attribute='name') | list -%}
        {%- if text not in known -%}
            {{ exceptions.raise_compiler_error(fact ~ 'is no known timeframe; known are ' ~ known | join(', ') ~ '.') }}
        {%- endif -%}
    {%- elif kind == 'optional_week_time' and text -%}
        {%- if not modules.re.fullmatch('(' ~ kraken_candles.week_days() | join('|') ~ ') ([01][0-9]|2[0-3]):[0-5][0-9]', text) -%}
            {{ exceptions.raise_compiler_error(fact ~ 'is not allowed; it must be a day and time of the week as Friday 20:00, or empty for never.') }}
        {%- endif -%}
    {%- elif kind == 'optional_time_zone' and text -%}
        {%- if text not in modules.pytz.all_timezones_set -%}
            {{ exceptions.raise_compiler_error(fact ~ 'is no known time zone; it must be one as America/New_York.') }}
        {%- endif -%}
    {%- elif kind in ['time', 'optional_time', 'optional_day'] and (text or kind == 'time') -%}
        {%- set day = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
        {%- set pattern = day if kind == 'optional_day' else day ~ '([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?Z?)?' -%}
        {%- set plain = text | replace('T', ' ') | replace('Z', '') -%}
        {%- set is_time = modules.re.fullmatch(pattern, text)
            and run_query("select try_cast('" ~ plain ~ "' as timestamp) is not null").rows[0][0] -%}
        {%- if not is_time -%}
            {%- set allowed = 'a UTC day as 2024-03-31, or empty for ever' if kind == 'optional_day'
                else 'a UTC time as 2024-03-31 10:05:00' ~ (', or empty for one bucket' if kind == 'optional_time' else '') -%}
            {{ exceptions.raise_compiler_error(fact ~ 'is not allowed; it must be ' ~ allowed ~ '.') }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
