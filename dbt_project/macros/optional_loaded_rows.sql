{# The rows of a raw table that may not be there yet, of complete loads alone: what a load that was cut off left behind does not count.
   columns: as in optional_rows, without the load's id, which is added as load_id. #}
{% macro optional_loaded_rows(table, columns) %}
    select
        {% for name in columns -%}
        {{ name }},
        {% endfor -%}
        _dlt_load_id as load_id
    from (
        {{ kraken_candles.optional_rows(table, dict(columns, _dlt_load_id=dbt.type_string())) }}
    ) as written
    where _dlt_load_id in {{ kraken_candles.complete_loads() }}
{% endmacro %}

{# A subquery of the ids of complete loads: of one that was cut off, a part of its tables may be there. #}
{% macro complete_loads() -%}
    (
        select loads.load_id
        from {{ source('kraken_raw', '_dlt_loads').include(database=false) }} as loads
        where loads.status = 0
    )
{%- endmacro %}
