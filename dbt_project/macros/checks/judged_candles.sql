{# CTEs from `paired`, a row for each bucket with its fields as our_* and their_* side by side, to `made`, with a status of each field and of
   the bucket. paired has is_here, is_there and is_quiet, and for the verdict on a vwap our_quote_volume and price_decimals.
   more: its other columns that made has.
   has_answers: Kraken may have given a bucket more than once; paired has is_newest then.
   has_ends: theirs may be of a bucket's beginning only; paired has is_last_of_file and the columns begun_* then. #}
{% macro judged_candles(fields, more, has_answers=false, has_ends=false) -%}
judged as (
    select
        {% for field in fields %}
        {{ kraken_candles.verdict(field, of_archive=has_ends) }} as {{ field }}_verdict,
        {% endfor %}
        {{ kraken_candles.is_beginning() if has_ends else 'false' }} as is_beginning,
        *
    from paired
),

{% if has_answers -%}
-- All that Kraken said of the bucket before, beside what it said last: of most buckets nothing.
earlier as (
    select
        symbol,
        timeframe,
        bucket_start_ns,
        {% for field in fields %}
        min({{ field }}_verdict) as {{ field }}_best,
        max({{ field }}_verdict) as {{ field }}_worst{{ ',' if not loop.last }}
        {% endfor %}
    from judged
    where not is_newest
    group by symbol, timeframe, bucket_start_ns
),

gathered as (
    select
        {% for field in fields %}
        least(judged.{{ field }}_verdict, coalesce(earlier.{{ field }}_best, judged.{{ field }}_verdict)) as {{ field }}_best,
        greatest(judged.{{ field }}_verdict, coalesce(earlier.{{ field }}_worst, judged.{{ field }}_verdict)) as {{ field }}_worst,
        {% endfor %}
        judged.*
    from judged
    left join earlier
        on
            judged.symbol = earlier.symbol
            and judged.timeframe = earlier.timeframe
            and judged.bucket_start_ns = earlier.bucket_start_ns
    where judged.is_newest
),

{%- endif %}

statuses as (
    select
        {% for field in fields %}
        {%- set verdict = field ~ ('_worst' if has_answers else '_verdict') %}
        case
            when not is_here then 'missing_here'
            when not is_there then 'missing_there'
            {% if has_answers -%}
            when {{ field }}_best <> {{ field }}_worst then 'revised'
            {%- endif %}
            when {{ verdict }} = 0 then 'identical'
            when {{ verdict }} = 1 then 'unknown_here'
            when is_beginning then 'unknown_there'
            else 'differs'
        end as {{ field }}_status,
        {% endfor %}
        *
    from {{ 'gathered' if has_answers else 'judged' }}
),

{%- set in_any = "in (" ~ fields | join('_status, ') ~ "_status)" %}

made as (
    select
        bucket_start_ns,
        cast(
            case
                {% for status in ['missing_here', 'differs', 'revised', 'missing_there', 'unknown_here', 'unknown_there'] %}
                when '{{ status }}' {{ in_any }} then '{{ status }}'
                {% endfor %}
                else 'identical'
            end as {{ dbt.type_string() }}
        ) as bucket_status,
        {% for field in fields %}
        cast(our_{{ field }} as decimal(38, 12)) as our_{{ field }},
        cast(their_{{ field }} as decimal(38, 12)) as their_{{ field }},
        cast({{ field }}_status as {{ dbt.type_string() }}) as {{ field }}_status,
        {% endfor %}
        {{ more | join(', ') }},
        timeframe,
        bucket_on,
        symbol
    from statuses
)
{%- endmacro %}

{# Whether theirs may be what ours was when it had fewer trades: the file may end there. Where all trades are at hand, it is what ours was
   at some moment of theirs (begun_*); a trade too many, which has no such moment, is a difference. #}
{% macro is_beginning() -%}
    coalesce(
        is_last_of_file
        and their_trade_count < our_trade_count
        and their_open = our_open
        and case
            when begun_of_count = our_trade_count
                then
                    abs(begun_base_volume - their_base_volume) <= {{ kraken_candles.archive_volume_tolerance() }}
                    and begun_high = their_high
                    and begun_low = their_low
                    and their_close between begun_lowest_close and begun_highest_close
            else
                their_base_volume - our_base_volume <= {{ kraken_candles.archive_volume_tolerance() }}
                and their_high <= our_high
                and their_low >= our_low
        end,
        false
    )
{%- endmacro %}

{# Ours beside theirs, one column for each, where both are quiet compared by the close before: Kraken repeats it. #}
{% macro paired_fields(fields) -%}
    {% for field in fields %}
    {% if field in ['open', 'high', 'low', 'close'] -%}
    case when ours.is_empty and theirs.trade_count = 0 then ours.close_before else ours.{{ field }} end as our_{{ field }},
    {%- else -%}
    ours.{{ field }} as our_{{ field }},
    {%- endif %}
    theirs.{{ field }} as their_{{ field }},
    {% endfor %}
{%- endmacro %}
