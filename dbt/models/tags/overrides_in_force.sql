-- One row per patient and tag that staff have added or removed by hand, from the day it was made
-- to its last day; the newest counts.
with
    in_force as (
        select
            id,
            patient_id,
            tag,
            action,
            made_on,
            expires_on,
            row_number() over (
                partition by patient_id, tag order by made_on desc, id desc
            ) as recency
        from {{ source("ledger", "overrides") }}
        where
            made_on <= {{ as_of() }}
            and expires_on >= {{ as_of() }}
            -- Built again for an earlier day, what was withdrawn since still counts.
            and (withdrawn_on is null or withdrawn_on > {{ as_of() }})
    )
select
    in_force.id as override_id,
    in_force.patient_id,
    in_force.tag,
    in_force.action,
    in_force.made_on,
    in_force.expires_on
from in_force
inner join {{ ref("patients_today") }} as patients on patients.patient_id = in_force.patient_id
inner join
    {{ ref("tag_catalog") }} as catalog on catalog.tag = in_force.tag and catalog.retired_on is null
where in_force.recency = 1
