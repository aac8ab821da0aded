{# The last day of no line is over. #}
{% test lines_not_expired(model) %}
    select *
    from {{ model }}
    where is_expired
{% endtest %}
