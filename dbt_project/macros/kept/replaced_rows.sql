{# What stood before. Beside each of candles and gaps lies a table (replaced_candles, replaced_gaps, in the schema of what cannot be made
   anew) of the rows that a build took away or changed, with until when they stood (known_to), and of the places where it made a row and
   none was: as a range to last_bucket_start, with nothing in the column that every row has. So a row as it stood at an instant is the first
   of its key there behind the instant, and where none is the one that stands now. A row without a symbol says since when all is known.
   Hooks keep it in the transaction of the rows themselves: a kill loses and doubles nothing. Nothing is kept where there are no transactions. #}
{% macro keeps_replaced() %}
    {{- return(adapter.dispatch('keeps_replaced', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__keeps_replaced() %}
    {{- return(true) -}}
{% endmacro %}

{% macro spark__keeps_replaced() %}
    {{- return(false) -}}
{% endmacro %}

{# Hooks of the models of stored candles, before their rows are taken away and behind the new ones. #}
{% macro remember_candles(days_before=0) %}
    {%- set policy = kraken_candles.known_policy() -%}
    {#- While parsing its refs make the dependencies. -#}
    {%- set rows = kraken_candles.remade_candles(policy, days_before, was=true) if policy or not execute -%}
    {%- if execute and rows and kraken_candles.stored_columns(this) %}
    create or replace temp table {{ model.name }}_before as {{ rows }}
    {%- endif %}
{% endmacro %}

{% macro keep_replaced_candles(days_before=0) %}
    {%- set log = kraken_candles.replaced_rows('candles') -%}
    {%- set policy = kraken_candles.known_policy() -%}
    {%- set rows = kraken_candles.remade_candles(policy, days_before) if policy -%}
    {%- if rows and kraken_candles.stored_columns(this) -%}
    {{- kraken_candles.keep_replaced(log, 'from ' ~ model.name ~ '_before', rows) }};
    drop table {{ model.name }}_before
    {%- elif rows -%}
    {#- What was dropped outside of a build stood nobody knows how long. -#}
    insert into {{ log }} by name select {{ kraken_candles.this_moment() }} as known_to
    {%- endif %}
{% endmacro %}

{# The post-hook of candles: keeps what another empty-bucket policy hides, shows or prices otherwise, and makes candles_as_of. #}
{% macro keep_shown_candles() %}
    {%- set log = kraken_candles.replaced_rows('candles') -%}
    {%- set before = kraken_candles.known_policy() -%}
    {%- set policy = kraken_candles.empty_bucket_policy() -%}
    {%- set marks = ref('build_marks') -%}
    {%- if execute and kraken_candles.keeps_replaced() -%}
    {%- if not before -%}
    {{- kraken_candles.begin_replaced(log, 'cast(null as timestamp) as last_bucket_start') }};
    {%- elif before != policy -%}
    {%- set empty = '(select * from ' ~ kraken_candles.built_candles() ~ ' as ours where is_empty)' -%}
    {{- kraken_candles.keep_replaced(
        log, kraken_candles.closed_candles(empty, before), kraken_candles.closed_candles(empty, policy)
    ) }};
    {%- endif %}
    {%- if before != policy %}
    {{ kraken_candles.insert_marks(marks) }}
    select
        0 as version, '{{ policy | replace("'", "''") }}' as settings, {{ kraken_candles.utc_now() }} as marked_at,
        'candles' as consumer, 'empty_bucket_policy' as producer;
    {%- endif %}
    {{ kraken_candles.make_as_of(log) }}
    {%- endif %}
{% endmacro %}

{# Hooks of gaps. #}
{% macro remember_gaps() %}
    {%- set log = kraken_candles.replaced_rows('gaps') -%}
    {%- if execute and kraken_candles.keeps_replaced() and kraken_candles.stored_columns(log) and kraken_candles.stored_columns(this) -%}
    create or replace temp table gaps_before as select {{ kraken_candles.columns_there(kraken_candles.public_columns('gaps'), this) }} from {{ this }}
    {%- endif %}
{% endmacro %}

{% macro keep_replaced_gaps() %}
    {%- set log = kraken_candles.replaced_rows('gaps') -%}
    {%- if execute and kraken_candles.keeps_replaced() -%}
    {%- if kraken_candles.stored_columns(log) and kraken_candles.stored_columns(this) -%}
    {{- kraken_candles.keep_replaced(log, 'from gaps_before', 'from ' ~ this) }};
    drop table gaps_before;
    {%- else -%}
    {{- kraken_candles.begin_replaced(log) }};
    {%- endif %}
    {{ kraken_candles.make_as_of(log) }}
    {%- endif %}
{% endmacro %}

{# The table beside a public model. #}
{% macro replaced_rows(name) %}
    {{- return(ref('kept_days').incorporate(path={'identifier': 'replaced_' ~ name}, type='table')) -}}
{% endmacro %}

{# What tells its rows apart, and the column that every one of them has. #}
{% macro key_of_replaced(log) %}
    {{- return({
        'replaced_candles': [['symbol', 'timeframe', 'bucket_start'], 'is_closed'],
        'replaced_gaps': [['symbol', 'gap_from_ns'], 'reason'],
    }[log.identifier]) -}}
{% endmacro %}

{# Names of a public model's columns, which its contract holds to. #}
{% macro public_columns(name) %}
    {{- return(graph.nodes['model.kraken_candles.' ~ name].columns.keys() | list) -}}
{% endmacro %}

{# Columns for a select, NULL for those that a table of an earlier version lacks. #}
{% macro columns_there(names, relation) %}
    {%- set stored = kraken_candles.stored_columns(relation) -%}
    {%- set picked = [] -%}
    {%- for name in names -%}{%- do picked.append(name if name in stored else 'null as ' ~ name) -%}{%- endfor -%}
    {{- return(picked | join(', ')) -}}
{% endmacro %}

{# The empty-bucket policy by which readers see candles until this build makes that view anew, none where nothing is kept yet. #}
{% macro known_policy() %}
    {%- set log = kraken_candles.replaced_rows('candles') -%}
    {%- set marks = ref('build_marks') -%}
    {%- if not execute or not kraken_candles.keeps_replaced() or not kraken_candles.stored_columns(log) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set mark = kraken_candles.marked(kraken_candles.asked_once(kraken_candles.newest_marks(marks)), 'candles', 'empty_bucket_policy') -%}
    {{- return(mark[1] if mark else none) -}}
{% endmacro %}

{# Closed rows of candles as a policy shows stored ones. #}
{% macro closed_candles(rows, policy) -%}
    select {{ kraken_candles.candle_columns() }}
    from {{ kraken_candles.with_sessions(kraken_candles.shown_candles(rows, policy)) }} as shown
    where is_closed
{%- endmacro %}

{# Those of the symbols and days that the model makes anew; none where it makes none. was: as they stand before. #}
{% macro remade_candles(policy, days_before, was=false) %}
    {%- set bounds = kraken_candles.pending_bounds('bucket_on', days_before=days_before) -%}
    {%- if bounds == 'false' -%}{{- return(none) -}}{%- endif -%}
    {%- set columns = kraken_candles.stored_candle_columns() -%}
    {%- set picked = kraken_candles.columns_there(columns, this) if was and execute else columns | join(', ') -%}
    {%- set symbols = 'true' if bounds == 'true' else 'symbol in (select symbol from ' ~ kraken_candles.pending_days() ~ ' as pending)' -%}
    {%- set rows = '(select ' ~ picked ~ ' from ' ~ this ~ ' where ' ~ bounds ~ ' and ' ~ symbols ~ ')' -%}
    {{- return(kraken_candles.closed_candles(rows, policy)) -}}
{% endmacro %}

{# The moment itself: the engine's now is the start of the transaction, in which readers saw what was before. #}
{% macro this_moment() -%}
    timestamp '{{ modules.datetime.datetime.now(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S.%f") }}'
{%- endmacro %}

{# Makes the table, if it is not there, and says that all is known from now on. #}
{% macro begin_replaced(log, more=none) -%}
    {%- set public = log.identifier | replace('replaced_', '') -%}
    create table if not exists {{ log }} as
    select {{ kraken_candles.public_columns(public) | join(', ') }}, cast(null as timestamp) as known_to {{- ', ' ~ more if more }}
    from {{ this }}
    where false;
    insert into {{ log }} by name select {{ kraken_candles.this_moment() }} as known_to
{%- endmacro %}

{# Inserts what differs. before, after: queries with the columns of the public model. Buckets that follow each other are one range. #}
{% macro keep_replaced(log, before, after) -%}
    {%- set public = log.identifier | replace('replaced_', '') -%}
    {%- set names = kraken_candles.public_columns(public) -%}
    {%- set moment = kraken_candles.this_moment() -%}
    {%- set key = kraken_candles.key_of_replaced(log)[0] | join(', ') -%}
    {%- for name in names if name not in kraken_candles.stored_columns(log) %}
    {%- set type = graph.nodes['model.kraken_candles.' ~ public].columns[name].data_type %}
    alter table {{ log }} add column if not exists {{ name }} {{ type }};
    {%- endfor %}
    insert into {{ log }} by name
    with stood as ({{ before }}),
    stands as ({{ after }}),
    came as (select * from stands anti join stood using ({{ key }}))
    select *, {{ moment }} as known_to
    from (
        select {{ names | join(', ') }} from stood
        except
        select {{ names | join(', ') }} from stands
    ) as gone
    union all by name
    {%- if public == 'candles' %}
    select symbol, timeframe, min(bucket_start) as bucket_start, min(bucket_end) as bucket_end, max(bucket_start) as last_bucket_start,
        {{ moment }} as known_to
    from (
        select *, epoch_us(bucket_start)
            - row_number() over (partition by symbol, timeframe order by bucket_start) * epoch_us(bucket_end - bucket_start) as run
        from came
    ) as runs
    group by symbol, timeframe, run
    {%- else %}
    select {{ key }}, {{ moment }} as known_to from came
    {%- endif %}
{%- endmacro %}

{# The table macro in the database beside the public model: its rows as they stood at an instant, of candles the closed ones. It takes a time
   with a zone or a UTC one without, a date as its first moment. #}
{% macro make_as_of(log) -%}
    {%- set public = log.identifier | replace('replaced_', '') -%}
    {%- set names = kraken_candles.public_columns(public) | join(', ') -%}
    {%- set key = kraken_candles.key_of_replaced(log)[0] | join(', ') -%}
    {%- set always = kraken_candles.key_of_replaced(log)[1] -%}
    {%- set name = public ~ '_as_of' -%}
    create or replace macro {{ this.incorporate(path={'identifier': name}) }}(of_instant) as table
    with asked as (
        select
            cast(cast(of_instant as timestamptz) as timestamp) as instant,
            (select max(known_to) from {{ log }} where symbol is null) as since
        where {{ kraken_candles.utc_session() }}
    ),
    checked as (
        select
            case
                when instant > cast(now() as timestamp) then error('{{ name }} cannot tell of ' || instant || ' UTC, which is yet to come.')
                when instant >= since then instant
                when instant is null then error('{{ name }} takes an instant, as 2026-11-01 or 2026-11-01 12:00 (UTC).')
                else error('What stood is known from ' || since || ' UTC on; {{ name }} cannot tell of ' || instant || '.')
            end as instant
        from asked
    ),
    later as (
        select log.*
        {%- if public == 'candles' %}
            replace (unnest(generate_series(bucket_start, coalesce(last_bucket_start, bucket_start), bucket_end - bucket_start)) as bucket_start)
        {%- endif %}
        from {{ log }} as log
        cross join checked
        where log.symbol is not null and log.known_to > checked.instant
    ),
    stood as (
        select * from later
        qualify row_number() over (partition by {{ key }} order by known_to) = 1
    )
    select {{ names }} from {{ this }} as stands
    anti join stood using ({{ key }})
    {%- if public == 'candles' %}
    where is_closed
    {%- endif %}
    union all
    select {{ names }} from stood
    where {{ always }} is not null
{%- endmacro %}
