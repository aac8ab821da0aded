{# What one answer of Kraken's says of one of our fields, as a number: 0 equal, 1 cannot be known, 2 not equal. NULL figures on one side
   are not equal. of_archive: an OHLCVT file says it. #}
{% macro verdict(field, of_archive=false) -%}
    {%- if field == 'vwap' -%}
    {%- set step = kraken_candles.decimal_step('price_decimals') -%}
    {%- set far_beyond -%}
    cast(their_vwap as double) * cast(our_base_volume as double) > 1.1 * cast(our_quote_volume as double) + 1
    {%- endset -%}
    {%- set above = 'cast(their_vwap + ' ~ step ~ ' * ' ~ kraken_candles.vwap_steps() ~ ' as decimal(38, 12))' -%}
    case
        when our_vwap is null and their_vwap is null then 0
        when their_vwap is not null and {{ step }} is null then 1
        when {{ far_beyond }} then 2  -- their product need not fit
        when
            {{ kraken_candles.multiply_exact('their_vwap', 'our_base_volume') }} <= our_quote_volume
            and our_quote_volume < {{ kraken_candles.multiply_exact(above, 'our_base_volume') }}
            then 0
        else 2
    end
    {%- elif field == 'base_volume' and of_archive -%}
    case when abs(our_base_volume - their_base_volume) <= {{ kraken_candles.archive_volume_tolerance() }} then 0 else 2 end
    {%- elif field in ['base_volume', 'trade_count'] -%}
    case when {{ kraken_candles.is_within(field, field) }} then 0 else 2 end
    {%- else -%}
    case
        when is_quiet and our_{{ field }} is null then 1
        when {{ kraken_candles.is_within(field, 'price') }} then 0
        else 2
    end
    {%- endif -%}
{%- endmacro %}

{# Whether our field lies no further from Kraken's than the project's tolerance for it. #}
{% macro is_within(field, tolerance) -%}
    abs(our_{{ field }} - their_{{ field }}) <= {{ kraken_candles.tolerance('kraken_candles_tolerance_' ~ tolerance) }}
{%- endmacro %}

{# The fields of a candle that are compared; an archive's has no vwap. #}
{% macro compared_fields(referee='rest') %}
    {%- set fields = ['open', 'high', 'low', 'close', 'base_volume', 'trade_count'] -%}
    {{- return(fields + (['vwap'] if referee == 'rest' else [])) -}}
{% endmacro %}

{# What may stand in bucket_status, and the part of it that a line of the accepted differences may accept. #}
{% macro compared_statuses(referee='rest') %}
    {%- set statuses = ['identical', 'differs', 'missing_here', 'missing_there', 'unknown_here'] -%}
    {{- return(statuses + (['revised'] if referee == 'rest' else ['unknown_there'])) -}}
{% endmacro %}

{# What Kraken says against itself. What it contradicts is stored as differs. #}
{% macro disputed_statuses() %}
    {{- return(['contradicted', 'revised']) -}}
{% endmacro %}

{# An archive leaves out where nothing traded, so what is missing there is a fault as well. As a list in SQL. #}
{% macro acceptable_literals(referee='rest') -%}
    {{ kraken_candles.status_literals(
        ['differs', 'missing_here'] + (kraken_candles.disputed_statuses() if referee == 'rest' else ['missing_there'])
    ) }}
{%- endmacro %}

{% macro status_literals(statuses) -%}
    ('{{ statuses | join("', '") }}')
{%- endmacro %}
