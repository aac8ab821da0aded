{# No line of the accepted differences (lines) and gaps is expired, and each accepts something: one that does not is left over or has a slip
   in it. A line of differences may be about Kraken's own candles or about those from its downloads (archived). #}
{% test lines_used(model, lines, archived, gaps) %}
    select
        'accepted_differences: ' || case when lines.is_expired then 'expired' else 'unused' end as broken_rule,
        lines.symbol,
        lines.timeframe,
        lines.bucket_from as from_time,
        lines.bucket_to as to_time,
        lines.reason
    from {{ lines }} as lines
    where
        lines.is_expired
        {%- set kinds = [(model, 'rest'), (archived, 'archive')] %}
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
    union all
    select
        'accepted_gaps: ' || case when lines.is_expired then 'expired' else 'unused' end as broken_rule,
        lines.symbol,
        cast(null as {{ dbt.type_string() }}) as timeframe,
        lines.gap_from as from_time,
        lines.gap_to as to_time,
        lines.reason
    from ({{ kraken_candles.accepted_gaps() }}) as lines
    where
        lines.is_expired
        or not exists (
            select 1
            from {{ gaps }} as found
            where found.symbol = lines.symbol and {{ kraken_candles.is_gap_in_line('found', 'lines') }}
        )
{% endtest %}
