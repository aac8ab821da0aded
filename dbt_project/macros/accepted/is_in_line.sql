{# Whether a bucket starts in the stretch of a line of accepted differences; empty bucket_to means the one bucket. #}
{% macro is_in_line(bucket_start, line) -%}
    {{ bucket_start }} >= {{ line }}.bucket_from
    and ({{ bucket_start }} < {{ line }}.bucket_to or {{ bucket_start }} = {{ line }}.bucket_from)
{%- endmacro %}

{# Whether a line of accepted gaps holds a gap whole. It may name the neighbours of missing ids, which lie so far within (see id_holes). #}
{% macro is_gap_in_line(gap, line) -%}
    {%- set margin_ns = 'case when ' ~ gap ~ ".reason = 'ids_missing' then " ~ kraken_candles.step_back_ns() ~ ' else 0 end' -%}
    {{ kraken_candles.timestamp_from_ns(gap ~ '.gap_from_ns + ' ~ margin_ns) }} >= {{ line }}.gap_from
    and {{ kraken_candles.timestamp_from_ns(gap ~ '.gap_to_ns - ' ~ margin_ns) }} <= {{ line }}.gap_to
{%- endmacro %}
