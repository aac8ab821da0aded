{# The length in ns of the buckets of an OHLCVT file, by the timeframe that its name says; NULL for one that Kraken does not publish. #}
{% macro archive_size_ns(timeframe) -%}
    {%- set seconds = {'1m': 60, '5m': 300, '15m': 900, '30m': 1800, '1h': 3600, '4h': 14400, '12h': 43200, '1d': 86400} -%}
    case {{ timeframe }}
        {%- for name, length in seconds.items() %}
        when '{{ name }}' then cast({{ length * 1000000000 }} as bigint)
        {%- endfor %}
    end
{%- endmacro %}
