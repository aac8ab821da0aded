{# The variable kraken_candles_timeframes, checked and in order of seconds, as a list of
   {name, seconds, offset_seconds, size_ns, offset_ns, spans_days, parent, base, root}. parent is the name of the coarsest finer timeframe
   that divides it on the same grid, none where it is made of trades; base, of the first one below it that does not span days;
   root, of the finest one below it.
   A timeframe spans days if a bucket of it may reach over midnight UTC. Raises a compiler error for what cannot be built right. #}
{% macro timeframe_plan() %}
    {%- set given = kraken_candles.variable_of_package('kraken_candles_timeframes') -%}
    {#- Hooks and models ask some 300 times in a build; the graph lives as long as the invocation (see asked_once). -#}
    {%- set plans = graph.setdefault('kraken_candles_plans', {}) if execute else {} -%}
    {%- if given | string in plans -%}
        {{- return(plans[given | string]) -}}
    {%- endif -%}
    {%- if given is string or given is mapping or given is not iterable or given | length == 0 -%}
        {{ kraken_candles.refuse_timeframes('is ' ~ given ~ '; it must be a list of {name, seconds, offset_seconds}') }}
    {%- endif -%}
    {%- set checked = [] -%}
    {%- for timeframe in given -%}
        {%- do checked.append(kraken_candles.checked_timeframe(timeframe)) -%}
    {%- endfor -%}
    {%- set plan = [] -%}
    {%- for timeframe in checked | sort(attribute='seconds,offset_seconds') -%}
        {%- for other in plan if other.name | lower == timeframe.name | lower -%}
            {{ kraken_candles.refuse_timeframes('has the name ' ~ timeframe.name ~ ' twice; each name stands once, in capitals or not') }}
        {%- endfor -%}
        {%- for other in plan if (other.seconds, other.offset_seconds) == (timeframe.seconds, timeframe.offset_seconds) -%}
            {{ kraken_candles.refuse_timeframes('has ' ~ other.name ~ ' and ' ~ timeframe.name ~ ' of the same seconds and offset; one of them is enough') }}
        {%- endfor -%}
        {%- set finer = kraken_candles.dividing_timeframes(plan, timeframe.seconds, timeframe.offset_seconds) -%}
        {%- if timeframe.spans_days and not finer -%}
            {{ kraken_candles.refuse_timeframes(
                'has ' ~ timeframe.name ~ ', whose buckets reach over midnight UTC, and no finer timeframe to make it of; add one whose '
                ~ 'seconds divide ' ~ timeframe.seconds ~ ' and ' ~ timeframe.offset_seconds ~ ', such as 1m'
            ) }}
        {%- endif -%}
        {%- do timeframe.update({
            'parent': finer[-1].name if finer else none,
            'base': finer[-1].base if timeframe.spans_days else timeframe.name,
            'root': finer[-1].root if finer else timeframe.name,
        }) -%}
        {%- do plan.append(timeframe) -%}
    {%- endfor -%}
    {%- do plans.update({given | string: plan}) -%}
    {{- return(plan) -}}
{% endmacro %}

{# Those of a plan whose buckets make whole buckets of a length and an offset, the coarsest last. #}
{% macro dividing_timeframes(plan, seconds, offset_seconds) %}
    {%- set found = [] -%}
    {%- for timeframe in plan if seconds % timeframe.seconds == 0
        and (offset_seconds - timeframe.offset_seconds) % timeframe.seconds == 0 -%}
        {%- do found.append(timeframe) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{# A variable of this package in a model of any project: dbt gives each model those of its own project alone. Looks where dbt does, in
   its order: what the command says, then vars of the running project for this package, then for all, then our default. #}
{% macro variable_of_package(name) %}
    {%- if var.has_var(name) -%}
        {{- return(var(name)) -}}
    {%- endif -%}
    {%- set project = (var.packages_for_node() | list)[-1] -%}
    {%- set ours = project.load_dependencies()['kraken_candles'] -%}
    {%- for values in (project.vars.to_dict(), ours.vars.to_dict()) -%}
        {%- set values = values.get('kraken_candles') or {} -%}
        {%- if name in values -%}
            {{- return(values[name]) -}}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
