{# Kraken's answers about a candle agree with each other, unless that is accepted. #}
{% test rest_not_revised(model) %}
    select *
    from {{ model }}
    where bucket_status in ('differs', 'revised') and status = 'revised' and not is_accepted
{% endtest %}
