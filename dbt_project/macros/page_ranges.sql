{# The stretches of time that answers and files with trade ids cover without a break, id holes not yet taken out. Body of a CTE. #}
{% macro page_ranges() -%}
    select
        symbol,
        min(covered_from_ns) as covered_from_ns,
        max(covered_to_ns) as covered_to_ns
    from {{ ref('ledger_entries') }}
    where range_number is not null
    group by symbol, range_number
{%- endmacro %}
