{# The days that are built again: those of the later load, and all of one symbol, which then gets no rows. #}
{% macro touched_days() -%}
    select distinct {{ odd_symbol() }} as symbol, traded_on
    from {{ ref('stg_trades') }}
    where load_id = 'later' or symbol = 'borders'
{%- endmacro %}

{# A symbol with all that a path and a literal must escape. #}
{% macro odd_symbol() -%}
    concat(symbol, '/', chr(39), chr(92), '=%')
{%- endmacro %}
