{# Each line that is not expired accepts something: one that does not is left over or has a slip in it. acceptable says which rows of the
   model a line may accept, covers which of them it does, in terms of found (the row) and lines. #}
{% test lines_used(model, lines, acceptable, covers) %}
    select lines.*
    from {{ lines }} as lines
    where
        not lines.is_expired
        and not exists (
            select 1
            from {{ model }} as found
            where {{ acceptable }} and {{ covers }}
        )
{% endtest %}
