{# One field of every compared bucket, as rows of check_rest_candles.
   is_equal may be NULL, which is not equal; is_unknown says that what is loaded cannot decide. #}
{% macro compared_field(field, is_equal, is_unknown='false') -%}
    select
        symbol,
        timeframe,
        bucket_start,
        cast('{{ field }}' as string) as field,
        cast(
            case
                when not is_here then 'missing_here'
                when not is_there then 'missing_there'
                when {{ is_unknown }} then 'unknown_here'
                when {{ is_equal }} then 'identical'
                else 'differs'
            end as string
        ) as status,
        cast(our_{{ field }} as decimal(38, 12)) as ours,
        cast(their_{{ field }} as decimal(38, 12)) as theirs,
        cast(our_{{ field }} - their_{{ field }} as decimal(38, 12)) as difference,
        fetched_at
    from compared
{%- endmacro %}
