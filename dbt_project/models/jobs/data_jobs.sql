{{ config(materialized='view') }}

with

events as (
    {{ job_events() }}
),

numbered as (
    select
        *,
        row_number() over (partition by job_id order by event_id desc) as newness
    from events
),

history as (
    select
        job_id,
        min(case when status = 'queued' then happened_at end) as queued_at,
        min(case when status = 'running' then happened_at end) as started_at,
        max(happened_at) as changed_at,
        count(*) as event_count
    from events
    group by job_id
)

select
    newest.job_id,
    newest.job_type,
    newest.symbol,
    {{ timestamp_from_ns('newest.start_ns') }} as start_at,
    {{ timestamp_from_ns('newest.end_ns') }} as end_at,
    newest.options,
    newest.status,
    newest.phase,
    newest.attempt,
    newest.is_cancel_requested,
    newest.estimated_trades,
    newest.estimated_calls,
    newest.estimated_seconds,
    newest.estimated_bytes,
    newest.trades as actual_trades,
    newest.calls as actual_calls,
    newest.seconds as actual_seconds,
    newest.bytes as actual_bytes,
    {{ timestamp_from_ns('newest.cursor_ns') }} as cursor_at,
    newest.summary,
    newest.error,
    newest.process_id,
    newest.process_started_at,
    history.queued_at,
    history.started_at,
    case when newest.status in ('succeeded', 'failed', 'cancelled') then newest.happened_at end as finished_at,
    history.changed_at,
    history.event_count
from numbered as newest
inner join history on newest.job_id = history.job_id
where newest.newness = 1
