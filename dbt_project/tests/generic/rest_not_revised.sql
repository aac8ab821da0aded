{# What Kraken says of a candle agrees with what else it says of it, unless that is accepted. #}
{% test rest_not_revised(model) %}
    select *
    from {{ model }}
    where bucket_status in ('differs', 'contradicted', 'revised') and status in ('contradicted', 'revised') and not is_accepted
{% endtest %}
