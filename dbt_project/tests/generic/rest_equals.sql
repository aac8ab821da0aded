{# No field differs from Kraken's own candle, and no candle that Kraken has is missing where coverage says it is loaded, unless that is
   accepted. bucket_status is stored, so that the engine leaves out what is equal: an old difference stays red at no cost. #}
{% test rest_equals(model) %}
    select *
    from {{ model }}
    where bucket_status in ('differs', 'missing_here') and status in ('differs', 'missing_here') and not is_accepted
{% endtest %}
