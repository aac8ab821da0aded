{# Whether a bucket lies in the stretch of a line of accepted differences; empty bucket_to means the one bucket. #}
{% macro is_in_line(bucket, line) -%}
    {%- set bucket_start = kraken_candles.timestamp_from_ns(bucket ~ '.bucket_start_ns') -%}
    {{ bucket_start }} >= {{ line }}.bucket_from
    and ({{ bucket_start }} < {{ line }}.bucket_to or {{ bucket_start }} = {{ line }}.bucket_from)
{%- endmacro %}
