{# The expression is false for no row. NULL passes: what is not there cannot be wrong. #}
{% test always_true(model, expression) %}
    select *
    from {{ model }}
    where not ({{ expression }})
{% endtest %}
