-- Has come on six days or more within the last twelve months; unknown for a patient with no visit
-- on record.
select
    patient_id,
    case when last_visit_on is null then 'unknown' else 'has' end as state,
    last_visit_on as since,
    {{
        evidence(
            last_visit_or_patient("table"),
            "cast(visits_12_months as varchar) || ' visit days in 12 months'",
            observed_on="last_visit_on",
            threshold="'>= 6'",
            file_id=last_visit_or_patient("file_id"),
            line_no=last_visit_or_patient("line_no"),
        )
    }}
from {{ ref("patients_today") }}
where visits_12_months >= 6 or last_visit_on is null
