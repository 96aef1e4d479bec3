-- One row per campaign: its messages, and anybody in them who must not be.
with
    patients as (
        select plan.campaign, plan.line_user_id, unnest(string_split(plan.patient_ids, ',')) as patient_id
        from delivery_plan as plan
    ),
    judged as (
        select
            patients.campaign,
            count(case when links.patient_id is null or not links.is_following then 1 end) as unlinked,
            count(case when today.is_deceased then 1 end) as deceased,
            count(case when today.is_test then 1 end) as test_patients
        from patients
        left join patients_today as today on today.patient_id = patients.patient_id
        left join
            stg_line_links as links
            on links.patient_id = patients.patient_id
            and links.line_user_id = patients.line_user_id
        group by patients.campaign
    ),
    sizes as (
        select
            campaign,
            count(*) as messages,
            count(case when not regexp_full_match(line_user_id, 'U[0-9a-f]{32}') then 1 end) as malformed_ids
        from delivery_plan
        group by campaign
    )
select
    judged.campaign,
    sizes.messages,
    judged.unlinked,
    judged.deceased,
    judged.test_patients,
    sizes.malformed_ids,
    cast(ceil(campaigns.max_share_of_clinic * (select count(*) from patients_today)) as bigint) as size_ceiling
from judged
inner join sizes on sizes.campaign = judged.campaign
inner join campaigns on campaigns.campaign = judged.campaign
