{# Of each table: grain names a row, so none of its columns is NULL and no combination of them comes twice; no column of complete is NULL; the
   expression of each of rules, by its name, is false for no row, where NULL passes, for what is not there cannot be wrong; sums are checks
   beside other tables, by name what they read. broken_rule says what a row breaks first, row_key which row it is. others: further tables with
   the same, as {table: ref('…'), grain: […], …}; one test of several costs a build one node, and the comment before each query is where Python
   parts what it shows of a red one. #}
{% test sound(model, grain, complete=[], rules={}, sums={}, others=[]) %}
    {%- for each in [{'table': model, 'grain': grain, 'complete': complete, 'rules': rules, 'sums': sums}] + others %}
    {%- set name = each.table.identifier %}
    /* of {{ name }} */
    select
        broken_rule,
        row_key
    from (
        select
            {{ kraken_candles.row_key(dict(zip(each.grain, each.grain))) }} as row_key,
            case
                {% for column in each.grain + each.get('complete', []) -%}
                when found.{{ column }} is null then '{{ name }}: {{ column }} is NULL'
                {% endfor -%}
                when found.rows_of_grain > 1 then '{{ name }}: one row for each {{ each.grain | join(', ') }}'
                {% for rule, expression in each.get('rules', {}).items() -%}
                when not ({{ expression }}) then '{{ name }}: {{ rule }}'
                {% endfor -%}
            end as broken_rule
        from (
            select
                *,
                count(*) over (partition by {{ each.grain | join(', ') }}) as rows_of_grain
            from {{ kraken_candles.sound_rows(each.table) }}
        ) as found
    ) as judged
    where broken_rule is not null
    {%- for sum, read in each.get('sums', {}).items() %}
    union all
    /* of {{ name }} */
    select
        '{{ name }}: {{ sum }}' as broken_rule,
        row_key
    from (
        {{ kraken_candles.summed(sum, each.table, read) }}
    ) as judged
    {%- endfor %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{% endtest %}
