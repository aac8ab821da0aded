{# The (symbol, covered_on) pairs of which the ledger says something else than when covered_days was last built, those that it no longer
   has, and those whose trades were removed, came back or were replaced since; as a subquery. #}
{% macro stale_days() -%}
    {%- set facts = 'symbol, covered_on, from_ns, to_ns, page_count, new_trade_count' -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='name') if execute and is_incremental() else [] -%}
    {#- A table of an older version, which gets the column in this build, is all stale: no day of it has said false. -#}
    {%- set was_bare = 'coalesce(is_bare, false)' if 'is_bare' in columns else 'cast(null as boolean)' -%}
    {%- set was_of = 'coalesce(edition_id, 0), archive_load_id' if 'edition_id' in columns
        else 'cast(0 as bigint), cast(null as ' ~ dbt.type_string() ~ ')' -%}
    {#- A repair may replace answers by as many others. -#}
    {%- set now = facts ~ ', last_load_id, is_bare, edition_id, archive_load_id' -%}
    {%- set before = facts ~ ', last_load_id, ' ~ was_bare ~ ', ' ~ was_of -%}
    {%- set ledger = ref('ledger_days') -%}
    (
        select distinct symbol, covered_on
        from (
            (select {{ now }} from {{ ledger }} except select {{ before }} from {{ this }})
            union all
            (select {{ before }} from {{ this }} except select {{ now }} from {{ ledger }})
        ) as differences
    )
{%- endmacro %}

{# Literal bounds that hold all stale days; true where the whole table is made anew. #}
{% macro stale_bounds(column) %}
    {%- set ledger = ref('ledger_days') -%}
    {%- if not execute or not is_incremental() -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set query = 'select distinct covered_on from ' ~ kraken_candles.stale_days() ~ ' as stale order by 1' -%}
    {{- return(kraken_candles.day_bounds(column, kraken_candles.asked_once(query) | map('first') | list)) -}}
{% endmacro %}
