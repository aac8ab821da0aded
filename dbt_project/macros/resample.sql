{# The candles of any timeframe, as a subquery with the columns of candles and the rows that it would have if the timeframe were built: of
   one that is, they are these; all others are made of the coarsest one whose buckets make whole ones of theirs. The timeframe is the name
   of one that is built, or a count of s, m, h, d, w (from the epoch, as Kraken's), w_monday, or mo (calendar months, from year 0). Empty
   buckets are as the timeframe that they are made of shows them. symbol: of one alone. start, end: of buckets that begin in [start, end),
   UTC, as 2026-11-06 or 2026-11-06 12:00. Stands wherever a relation does, in a model of any project. #}
{% macro resample(timeframe, symbol=none, start=none, end=none) -%}
    {%- set wanted = kraken_candles.resampled_timeframe(timeframe) -%}
    {%- set from_ns = kraken_candles.resampled_bound('start', start) -%}
    {%- set to_ns = kraken_candles.resampled_bound('end', end) -%}
    {#- Of any project, whose own models may have these names. -#}
    {%- set candles = ref('kraken_candles', 'candles') -%}
    {%- set coverage = ref('kraken_candles', 'coverage') -%}
    {%- set absent_days = ref('kraken_candles', 'absent_days') -%}
    {%- set part_ns = kraken_candles.ns_from_timestamp('bucket_start') -%}
    {%- set conditions = ["timeframe = '" ~ wanted.base ~ "'"] -%}
    {%- if symbol is not none -%}
        {%- if symbol is not string or not modules.re.fullmatch("[^'\\\\]+", symbol) -%}
            {{ exceptions.raise_compiler_error('resample takes one symbol, as BTC/USD, not ' ~ symbol ~ '.') }}
        {%- endif -%}
        {%- do conditions.append("symbol = '" ~ symbol ~ "'") -%}
    {%- endif -%}
    {%- if from_ns -%}{%- do conditions.append(part_ns ~ ' >= ' ~ from_ns) -%}{%- endif -%}
    {%- if to_ns -%}{%- do conditions.append(part_ns ~ ' < ' ~ to_ns ~ ' + ' ~ wanted.longest_ns) -%}{%- endif -%}
    {%- set sums = [
        ('base_volume', 'decimal(38, 12)'), ('quote_volume', 'decimal(38, 24)'), ('taker_buy_base_volume', 'decimal(38, 12)'),
        ('taker_buy_quote_volume', 'decimal(38, 24)'), ('trade_count', 'bigint'), ('taker_buy_count', 'bigint'),
    ] -%}
    {%- if wanted.is_built -%}
    (
        select *
        from {{ candles }}
        where {{ conditions | join(' and ') }}
    )
    {%- else -%}
    (
        with

        parts as (
            select
                *,
                {% if wanted.months -%}
                {{ kraken_candles.month_start_ns('bucket_start', wanted.months) }} as started_ns,
                {{ kraken_candles.month_start_ns('bucket_start', wanted.months, ahead=1) }} as ended_ns,
                {%- else -%}
                {{ kraken_candles.bucket_start(part_ns, wanted.size_ns, wanted.offset_ns) }} as started_ns,
                {{ kraken_candles.bucket_start(part_ns, wanted.size_ns, wanted.offset_ns) }} + {{ wanted.size_ns }} as ended_ns,
                {%- endif %}
                {{ part_ns }} as bucket_start_ns,
                {{ kraken_candles.ns_from_timestamp('bucket_end') }} as bucket_end_ns,
                cast(0 as bigint) as piece_from_ns
            from {{ candles }}
            where {{ conditions | join(' and ') }}
        ),

        -- Of a bucket in which somebody traded, no price that was carried into an empty part.
        traded as (
            {{- kraken_candles.candles_of_candles('(select * from parts where not is_empty) as parts', start_ns='started_ns') }}
        ),

        buckets as (
            select
                symbol,
                started_ns,
                ended_ns,
                max(close) as close_before,
                min(case when is_closed_market then 1 else 0 end) = 1 as is_closed_market,
                sum(bucket_end_ns - bucket_start_ns) as shown_ns
            from parts
            {% if from_ns or to_ns -%}
            where {{ [from_ns ~ ' <= started_ns' if from_ns, 'started_ns < ' ~ to_ns if to_ns] | select | join(' and ') }}
            {%- endif %}
            group by symbol, started_ns, ended_ns
        ),

        -- Where trades are removed and a part may be one that cannot be made. One that is not shown may be empty, too.
        cut as (
            select distinct
                buckets.symbol,
                buckets.started_ns
            from buckets
            inner join {{ absent_days }} as absent
                on
                    buckets.symbol = absent.symbol
                    and absent.timeframe = '{{ wanted.base }}'
                    and absent.bucket_on >= cast({{ kraken_candles.timestamp_from_ns('buckets.started_ns') }} as date)
                    and absent.bucket_on <= cast({{ kraken_candles.timestamp_from_ns('buckets.ended_ns - 1') }} as date)
        )

        select
            buckets.symbol,
            cast('{{ timeframe }}' as {{ dbt.type_string() }}) as timeframe,
            {{ kraken_candles.timestamp_from_ns('buckets.started_ns') }} as bucket_start,
            {{ kraken_candles.timestamp_from_ns('buckets.ended_ns') }} as bucket_end,
            {% for field in ['open', 'high', 'low', 'close'] -%}
            coalesce(traded.{{ field }}, buckets.close_before) as {{ field }},
            {% endfor -%}
            {% for field, type in sums -%}
            {%- if field == 'trade_count' -%}
            {{ kraken_candles.divide_cut('traded.quote_volume', 'traded.base_volume') }} as vwap,
            {% endif -%}
            cast(case when traded.symbol is null then 0 else traded.{{ field }} end as {{ type }}) as {{ field }},
            {% endfor -%}
            traded.first_trade_id,
            traded.last_trade_id,
            traded.symbol is null as is_empty,
            buckets.is_closed_market,
            buckets.ended_ns <= ranges.covered_to_ns as is_closed,
            cast('trades' as {{ dbt.type_string() }}) as source
        from buckets
        inner join {{ coverage }} as ranges
            on
                buckets.symbol = ranges.symbol
                and buckets.started_ns >= ranges.covered_from_ns
                and buckets.started_ns < ranges.covered_to_ns
        left join traded on buckets.symbol = traded.symbol and buckets.started_ns = traded.bucket_start_ns
        left join cut on buckets.symbol = cut.symbol and buckets.started_ns = cut.started_ns
        where
            (ranges.is_latest or buckets.ended_ns <= ranges.covered_to_ns)
            and (
                cut.symbol is null
                or buckets.shown_ns >= least(buckets.ended_ns, ranges.covered_to_ns) - buckets.started_ns
            )
    )
    {%- endif -%}
{%- endmacro %}

{# What a timeframe is made of: {is_built, base, longest_ns} and {months} or {size_ns, offset_ns}. A compiler error where it is none, or
   nothing that is built makes whole buckets of it. #}
{% macro resampled_timeframe(timeframe) %}
    {%- set plan = kraken_candles.timeframe_plan() -%}
    {%- set names = plan | map(attribute='name') | list -%}
    {%- if timeframe in names -%}
        {{- return({'is_built': true, 'base': timeframe, 'longest_ns': 0}) -}}
    {%- endif -%}
    {%- set lengths = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800, 'w_monday': 604800, 'mo': 31 * 86400} -%}
    {%- set written = modules.re.fullmatch('([1-9][0-9]{0,6})(' ~ lengths | join('|') ~ ')', timeframe | string) -%}
    {%- set bases = [] -%}
    {%- if written -%}
        {%- set count = written.group(1) | int -%}
        {%- set unit = written.group(2) -%}
        {%- set seconds = count * lengths[unit] -%}
        {%- set offset = 4 * 86400 if unit == 'w_monday' else 0 -%}
        {#- A hundred years: what is longer holds nothing, and would not fit into ns. -#}
        {%- if seconds > 1200 * lengths.mo -%}
        {%- elif unit == 'mo' -%}
            {%- do bases.extend(plan | rejectattr('spans_days')) -%}
        {%- elif 86400 % seconds == 0 or seconds % 86400 == 0 -%}
            {%- do bases.extend(kraken_candles.dividing_timeframes(plan, seconds, offset)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if not bases -%}
        {{ exceptions.raise_compiler_error(
            'resample cannot make the timeframe ' ~ timeframe ~ ' of those that are built, ' ~ names | join(', ') ~ '. Write it as 3m, 2h, 5d, 1w, '
            ~ '1w_monday or 1mo; seconds to hours must divide a day, and kraken_candles_timeframes must have one that divides it.'
        ) }}
    {%- endif -%}
    {%- set second = 1000000000 -%}
    {{- return({
        'is_built': false,
        'base': bases[-1].name,
        'months': count if unit == 'mo' else none,
        'size_ns': seconds * second,
        'offset_ns': offset * second,
        'longest_ns': seconds * second,
    }) -}}
{% endmacro %}

{# A bound in time as ns since the epoch in SQL, none for none. #}
{% macro resampled_bound(name, text) %}
    {%- if text is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?', text | string) -%}
        {{ exceptions.raise_compiler_error('resample takes ' ~ name ~ ' as 2026-11-06 or 2026-11-06 12:00, UTC, not ' ~ text ~ '.') }}
    {%- endif -%}
    {{- return(kraken_candles.ns_from_timestamp("cast('" ~ text ~ "' as timestamp)")) -}}
{% endmacro %}

{# The start in ns of the calendar months, this many together from year 0 on, in which a UTC timestamp lies; ahead: of those so many later. #}
{% macro month_start_ns(timestamp, months, ahead=0) %}
    {%- set month = '(year(' ~ timestamp ~ ') * 12 + month(' ~ timestamp ~ ') - 1)' -%}
    {%- set first = '(' ~ month ~ ' - ' ~ month ~ ' % ' ~ months ~ ' + ' ~ months * ahead ~ ')' -%}
    {{- return(kraken_candles.ns_from_timestamp(
        'make_timestamp(cast((' ~ first ~ ' - ' ~ first ~ ' % 12) / 12 as int), cast(' ~ first ~ ' % 12 + 1 as int), 1, 0, 0, 0)'
    )) -}}
{% endmacro %}
