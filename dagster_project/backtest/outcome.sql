-- All messages of a back-test, those of each month and of each step: how many patients they would
-- have told, of how many the window is over, and how many of these came.
with
    sends as (
        select
            sent.occurrence_id,
            sent.step,
            sent.line_user_id,
            -- Whose chart was merged since is counted by the chart they are in today.
            coalesce(merges.into_patient_id, sent.patient_id) as patient_id,
            cast(date_trunc('month', sent.as_of) as date) as month
        from ledger.deliveries as sent
        left join stg_patient_merges as merges on merges.patient_id = sent.patient_id
    ),
    -- What would leave on the last night of all has no outcome yet.
    judged as (
        select
            sends.*,
            (sends.occurrence_id, sends.patient_id) as told,
            coalesce(outcomes.is_window_over, false) as is_over,
            outcomes.visited_on is not null as has_come
        from sends
        left join
            message_outcomes as outcomes
            on outcomes.arm = 'sent'
            and outcomes.occurrence_id = sends.occurrence_id
            and outcomes.patient_id = sends.patient_id
    )
select
    month,
    step,
    count(distinct (occurrence_id, line_user_id)) as messages,
    count(distinct told) as told,
    count(distinct patient_id) as people,
    count(distinct told) filter (is_over) as over,
    count(distinct told) filter (is_over and has_come) as came
from judged
group by grouping sets ((month), (step), ())
order by month nulls last, step nulls last
