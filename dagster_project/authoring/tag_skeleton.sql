-- （誰が該当し、誰が判定不能かを英語の1文で書く）
select
    patient_id,
    case when last_visit_on is null then 'unknown' else 'has' end as state,
    last_visit_on as since,
    {{
        evidence(
            last_visit_or_patient("table"),
            "cast(visits_12_months as varchar) || ' visit days in 12 months'",
            observed_on="last_visit_on",
            threshold="'>= 2'",
            file_id=last_visit_or_patient("file_id"),
            line_no=last_visit_or_patient("line_no"),
        )
    }}
from {{ ref("patients_today") }}
where visits_12_months >= 2 or last_visit_on is null
