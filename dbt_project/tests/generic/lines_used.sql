{# No line is expired, and each accepts something: one that does not is left over or has a slip in it. The lines are of gaps, or those given
   of differences from Kraken's own candles; archived: the model of those from its downloads, which such a line may be about as well. #}
{% test lines_used(model, lines=none, archived=none) %}
    select
        case when lines.is_expired then 'expired' else 'unused' end as broken_rule,
        lines.*
    from {{ lines or '(' ~ kraken_candles.accepted_gaps() ~ ')' }} as lines
    where
        lines.is_expired
        {% if lines -%}
        {%- set kinds = [(model, 'rest'), (archived, 'archive')] -%}
        or not ({% for compared, referee in kinds %}
            exists (
                select 1
                from {{ compared }} as found
                where
                    found.symbol = lines.symbol
                    and found.timeframe = lines.timeframe
                    and found.bucket_status in {{ kraken_candles.acceptable_literals(referee) }}
                    and {{ kraken_candles.is_in_line('found.bucket_start', 'lines') }}
            ){{ ' or' if not loop.last }}
        {%- endfor %})
        {%- else -%}
        or not exists (
            select 1
            from {{ model }} as found
            where found.symbol = lines.symbol and {{ kraken_candles.is_gap_in_line('found', 'lines') }}
        )
        {%- endif %}
{% endtest %}
