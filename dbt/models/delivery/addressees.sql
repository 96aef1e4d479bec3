-- One row per patient and purpose: the LINE account to write to for them, the one that may be
-- written to at all first.
{{ config(materialized="view") }}
with
    purposes as (select distinct purpose from {{ ref("campaigns") }}),
    accounts as (
        select
            links.patient_id,
            purposes.purpose,
            links.line_user_id,
            links.relation,
            links.linked_on,
            links.is_following,
            '|' || links.consent_purposes || '|'
            like '%|' || purposes.purpose || '|%' as has_consent
        from {{ ref("stg_line_links") }} as links
        cross join purposes
        inner join
            {{ ref("patients_today") }} as patients
            on patients.patient_id = links.patient_id
            -- What concerns an adult reaches nobody else's phone, whoever else is linked.
            and (links.relation = 'self' or patients.age_years < 16)
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id, purpose
                order by
                    case when is_following then 0 else 1 end,
                    case when has_consent then 0 else 1 end,
                    case when relation = 'parent' then 0 else 1 end,
                    linked_on,
                    line_user_id
            ) as choice
        from accounts
    )
select patient_id, purpose, line_user_id, is_following, has_consent
from ranked
where choice = 1
