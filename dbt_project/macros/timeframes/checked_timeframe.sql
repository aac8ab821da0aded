{# One entry of kraken_candles_timeframes, its own facts checked, as a new mapping with ns and whether it spans days. #}
{% macro checked_timeframe(timeframe) %}
    {%- if timeframe is not mapping or timeframe.name is not string or not timeframe.name
        or timeframe.seconds is not integer or timeframe.seconds is boolean -%}
        {{ kraken_candles.refuse_timeframes('has the entry ' ~ timeframe ~ '; each needs a name (text) and seconds (a whole number)') }}
    {%- endif -%}
    {%- for key in timeframe if key not in ['name', 'seconds', 'offset_seconds'] -%}
        {{ kraken_candles.refuse_timeframes('has ' ~ timeframe.name ~ ' with ' ~ key ~ '; known are name, seconds and offset_seconds') }}
    {%- endfor -%}
    {%- if not modules.re.fullmatch('[A-Za-z0-9_]+', timeframe.name) -%}
        {{ kraken_candles.refuse_timeframes("has the name '" ~ timeframe.name ~ "'; a name has letters, digits and _ only, for it names a folder of the exports") }}
    {%- endif -%}
    {%- set offset = timeframe.get('offset_seconds', 0) -%}
    {%- if timeframe.seconds < 1 or timeframe.seconds > 31622400 -%}
        {{ kraken_candles.refuse_timeframes('has ' ~ timeframe.name ~ ' with ' ~ timeframe.seconds ~ ' seconds; allowed are 1 to 31622400') }}
    {%- elif 86400 % timeframe.seconds != 0 and timeframe.seconds % 86400 != 0 -%}
        {{ kraken_candles.refuse_timeframes(
            'has ' ~ timeframe.name ~ ' with ' ~ timeframe.seconds ~ ' seconds, which cannot be built right day by day; '
            ~ 'seconds must divide a day (86400) or be whole days'
        ) }}
    {%- elif offset is not integer or offset is boolean or offset < 0 or offset >= timeframe.seconds -%}
        {{ kraken_candles.refuse_timeframes(
            'has ' ~ timeframe.name ~ ' with offset_seconds ' ~ offset ~ '; it must be a whole number from 0 and below its seconds, ' ~ timeframe.seconds
        ) }}
    {%- endif -%}
    {{- return({
        'name': timeframe.name,
        'seconds': timeframe.seconds,
        'offset_seconds': offset,
        'size_ns': timeframe.seconds * 1000000000,
        'offset_ns': offset * 1000000000,
        'spans_days': timeframe.seconds > 86400 or offset > 0,
    }) -}}
{% endmacro %}
