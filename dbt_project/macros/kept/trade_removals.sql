{# A subquery of one row for each symbol and UTC day whose trades were to be removed or are removed, with where that stands now. is_wanted: the
   newest word on the day is wanted; removed_trade_count: how many trades the last removal took away or left to kept candles, NULL where
   none was. Without rows where nobody ever asked for it. #}
{% macro trade_removals() -%}
    (
        select
            symbol,
            removed_on,
            max(case when newness = 1 then state end) = 'wanted' as is_wanted,
            max(case when state = 'removed' and newness_of_state = 1 then trade_count end) as removed_trade_count
        from (
            select
                symbol,
                removed_on,
                state,
                trade_count,
                row_number() over (partition by symbol, removed_on order by happened_at desc) as newness,
                row_number() over (partition by symbol, removed_on, state order by happened_at desc) as newness_of_state
            from (
                {{ kraken_candles.optional_rows(source('kraken_ops', 'removed_days'), {
                    'symbol': 'string',
                    'removed_on': 'date',
                    'state': 'string',
                    'trade_count': 'bigint',
                    'happened_at': 'timestamp',
                }) }}
            ) as written
        ) as ordered
        group by symbol, removed_on
    )
{%- endmacro %}
