{# Takes no columns, unlike the package's of the same name. #}
{% test unique_grain(model) %}
    select * from {{ model }}
    where false
{% endtest %}
