{# No line is expired, and each accepts something: one that does not is left over or has a slip in it. acceptable says which rows of the
   model a line may accept, covers which of them it does, in terms of found (the row) and lines. also: another relation that lines may
   be about, with also_acceptable in the place of acceptable. #}
{% test lines_used(model, lines, acceptable, covers, also=none, also_acceptable=none) %}
    select
        case when lines.is_expired then 'expired' else 'unused' end as broken_rule,
        lines.*
    from {{ lines }} as lines
    where
        lines.is_expired
        or not exists (
            select 1
            from {{ model }} as found
            where {{ acceptable }} and {{ covers }}
        )
        {% if also -%}
        and not exists (
            select 1
            from {{ also }} as found
            where {{ also_acceptable }} and {{ covers }}
        )
        {%- endif %}
{% endtest %}
