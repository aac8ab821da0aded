{# No field differs from the candle of Kraken's download, and neither side lacks a bucket in which something traded, unless that is accepted.
   bucket_status is stored, so that the engine leaves out what is equal: an old difference stays red at no cost. #}
{% test archive_equals(model) %}
    {%- set faults = kraken_candles.acceptable_literals('archive') %}
    select *
    from {{ model }}
    where bucket_status in {{ faults }} and status in {{ faults }} and not is_accepted
{% endtest %}
