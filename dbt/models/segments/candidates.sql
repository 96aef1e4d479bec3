-- One row per campaign and patient who is decided about tonight: the members of its segment, those
-- of whom a missing record leaves it open, and those who left it because they came.
with
    -- No member, but one of the campaign's tags cannot be told of them: unknown is no no.
    unknowns as (
        select campaigns.campaign, tags.patient_id
        from {{ ref("patient_tags") }} as tags
        inner join
            {{ ref("campaigns") }} as campaigns on campaigns.tags like '%,' || tags.tag || ',%'
        inner join
            {{ ref("patients_today") }} as patients
            on patients.patient_id = tags.patient_id
            and patients.care_status = 'active'
            and not patients.is_deceased
            and not patients.is_test
        where tags.state = 'unknown'
        group by campaigns.campaign, tags.patient_id
    ),
    last_events as (
        select
            campaign,
            patient_id,
            reason,
            row_number() over (
                partition by campaign, patient_id
                -- Who goes on to the next step leaves the one before on the same day.
                order by on_day desc, case when reason = 'not_in_segment' then 1 else 0 end
            ) as recency
        from {{ source("previous", "decision_events") }}
        where on_day < {{ as_of() }}
    ),
    came as (
        select last_events.campaign, last_events.patient_id
        from last_events
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = last_events.campaign
        inner join
            {{ ref("patients_today") }} as patients on patients.patient_id = last_events.patient_id
        where
            last_events.recency = 1
            and last_events.reason not in ('not_in_segment', 'unknown')
            and {{ add_days("patients.last_visit_on", "campaigns.visited_within_days") }}
            > {{ as_of() }}
    ),
    standings as (
        select campaign, patient_id, 'member' as standing, since, due_on, deadline_on, evidence
        from {{ ref("segment_members") }}
        union all
        select came.campaign, came.patient_id, 'came', null, null, null, null
        from came
        left join
            {{ ref("segment_members") }} as members
            on members.campaign = came.campaign
            and members.patient_id = came.patient_id
        where members.patient_id is null
        union all
        select unknowns.campaign, unknowns.patient_id, 'unknown', null, null, null, null
        from unknowns
        left join
            {{ ref("segment_members") }} as members
            on members.campaign = unknowns.campaign
            and members.patient_id = unknowns.patient_id
        left join
            came on came.campaign = unknowns.campaign and came.patient_id = unknowns.patient_id
        where members.patient_id is null and came.patient_id is null
    )
select campaign, patient_id, standing, since, due_on, deadline_on, evidence
from standings
