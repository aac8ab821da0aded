{# grain names a row: none of its columns is NULL, no combination of them comes twice. No column of complete is NULL. The expression of each
   of rules, by its name, is false for no row; NULL passes, for what is not there cannot be wrong. All in one scan; broken_rule says what
   the row breaks first. #}
{% test sound(model, grain, complete=[], rules={}) %}
    select *
    from (
        select
            case
                {% for column in grain + complete -%}
                when found.{{ column }} is null then '{{ column }} is NULL'
                {% endfor -%}
                when found.rows_of_grain > 1 then 'one row for each {{ grain | join(', ') }}'
                {% for name, expression in rules.items() -%}
                when not ({{ expression }}) then '{{ name }}'
                {% endfor -%}
            end as broken_rule,
            found.*
        from (
            select
                *,
                count(*) over (partition by {{ grain | join(', ') }}) as rows_of_grain
            from {{ model }}
        ) as found
    ) as judged
    where broken_rule is not null
{% endtest %}
