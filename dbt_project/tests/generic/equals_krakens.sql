{# No field differs from Kraken's own candle, and neither side lacks one that the other must have, unless that is accepted. is_disputed: what
   Kraken says of a candle agrees with what else it says of it, in the place of that. archived: the model of those from its downloads, of which
   the same is true. bucket_status is stored, so that the engine leaves out what is equal: an old difference stays red at no cost. #}
{% test equals_krakens(model, archived=none, is_disputed=false) %}
    {%- for compared, referee in [(model, 'rest')] + ([(archived, 'archive')] if archived else []) %}
    select
        '{{ compared.identifier }}: ' || status as broken_rule,
        symbol,
        timeframe,
        bucket_start,
        field,
        ours,
        theirs,
        difference
    from {{ compared }}
    where
        bucket_status in {{ kraken_candles.acceptable_literals(referee) }}
        and status in {{ kraken_candles.acceptable_literals(referee) }}
        and {{ '' if is_disputed else 'not ' }}status in {{ kraken_candles.status_literals(kraken_candles.disputed_statuses()) }}
        and not is_accepted
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{% endtest %}
