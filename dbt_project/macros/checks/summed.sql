{# The check of that name; dbt wants to see each macro that a test calls. #}
{% macro summed(name, table, read) -%}
    {%- if name == 'trades_add_up' -%}{{- kraken_candles.trades_add_up(table, **read) -}}
    {%- elif name == 'every_bucket_there' -%}{{- kraken_candles.every_bucket_there(table, **read) -}}
    {%- elif name == 'absent_has_no_candles' -%}{{- kraken_candles.absent_has_no_candles(table, **read) -}}
    {%- elif name == 'bars_add_up' -%}{{- kraken_candles.bars_add_up(table, **read) -}}
    {%- elif name == 'covered_or_gap' -%}{{- kraken_candles.covered_or_gap(table, **read) -}}
    {%- endif -%}
{%- endmacro %}

{# What sound reads of a table: of those that only commands write, which may not be there, what the models take of them. #}
{% macro sound_rows(table) -%}
    {%- if table.identifier == 'job_events' -%}({{ kraken_candles.job_events() }}) as given
    {%- elif table.identifier == 'removed_days' -%}{{ kraken_candles.trade_removals() }} as given
    {%- else -%}{{ table }}
    {%- endif -%}
{%- endmacro %}

{# Columns of a row with their names, as text; columns: by name the expression of each. #}
{% macro row_key(columns) -%}
    {%- for name, expression in columns.items() -%}
    {{ "'" if loop.first else " || ', " }}{{ name }} ' || coalesce(cast({{ expression }} as {{ dbt.type_string() }}), 'NULL')
    {%- endfor -%}
{%- endmacro %}
