{# None of the columns is ever NULL; all in one scan. #}
{% test no_nulls(model, columns) %}
    select *
    from {{ model }}
    where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
