{# No field differs from Kraken's own candle, and no candle that Kraken has is missing where coverage says it is loaded. #}
{% test rest_equals(model) %}
    select *
    from {{ model }}
    where status in ('differs', 'missing_here')
{% endtest %}
