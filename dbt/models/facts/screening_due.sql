-- One row per patient and screening of their sex and age: done within its interval, due, or not to
-- be told because the clinic keeps no record of it.
with
    schedule as (
        select tag, screening, sex, min_age, max_age, rule, interval_months
        from {{ ref("screening_schedule") }} as rules
        where {{ in_force("rules") }}
    ),
    records as (
        select
            observations.patient_id,
            codes.screening,
            observations.observed_on as done_on,
            -- 1 is nothing found: only such a test lasts longer than the schedule says.
            case when observations.value = 1 then codes.interval_months end as interval_months,
            'stg_observations' as evidence_table,
            observations.file_id,
            observations.line_no
        from {{ ref("stg_observations") }} as observations
        inner join
            {{ ref("screening_records") }} as codes
            on codes.kind = 'observation'
            and codes.code = observations.item
            and {{ in_force("codes") }}
        union all
        select
            procedures.patient_id,
            codes.screening,
            procedures.performed_on as done_on,
            codes.interval_months,
            'stg_procedures' as evidence_table,
            procedures.file_id,
            procedures.line_no
        from {{ ref("stg_procedures") }} as procedures
        inner join
            {{ ref("screening_records") }} as codes
            on codes.kind = 'procedure'
            and codes.code = procedures.act_code
            and {{ in_force("codes") }}
    ),
    -- A test may last longer than the one the schedule asks for.
    lasting as (
        select
            records.patient_id,
            schedule.tag,
            records.done_on,
            {{
                add_months(
                    "records.done_on",
                    "coalesce(records.interval_months, schedule.interval_months)",
                )
            }} as lasts_until,
            records.evidence_table,
            records.file_id,
            records.line_no
        from records
        inner join schedule on schedule.screening = records.screening
    ),
    ranked as (
        select
            *,
            row_number() over (
                partition by patient_id, tag
                order by lasts_until desc, done_on desc, evidence_table, file_id, line_no
            ) as recency
        from lasting
    ),
    joined as (
        select
            patients.patient_id,
            schedule.tag,
            ranked.done_on as last_done_on,
            case
                when patients.birth_date is null
                then 'no_birth_date'
                when schedule.sex <> 'any' and patients.sex = 'unknown'
                then 'sex_not_recorded'
                when recorded.screening is null
                then 'the_clinic_keeps_no_record_of_it'
            end as doubt,
            case
                when schedule.rule = 'fiscal_year'
                then {{ fiscal_year_start(as_of()) }}
                else
                    greatest(
                        {{ age_reached_on("patients.birth_date", "schedule.min_age") }},
                        ranked.lasts_until
                    )
            end as due_from,
            case
                when schedule.rule = 'fiscal_year'
                then ranked.done_on >= {{ fiscal_year_start(as_of()) }}
                else ranked.lasts_until > {{ as_of() }}
            end as is_done,
            coalesce(ranked.evidence_table, 'stg_patients') as evidence_table,
            coalesce(ranked.file_id, patients.file_id) as file_id,
            coalesce(ranked.line_no, patients.line_no) as line_no
        from {{ ref("patients_today") }} as patients
        inner join
            schedule
            on (schedule.sex in ('any', patients.sex) or patients.sex = 'unknown')
            and (
                patients.birth_date is null
                or (
                    patients.age_years <= coalesce(schedule.max_age, patients.age_years)
                    and case
                        when schedule.rule = 'fiscal_year'
                        then
                            {{ fiscal_year_of_age("patients.birth_date", "schedule.min_age") }}
                            <= {{ as_of() }}
                        else patients.age_years >= schedule.min_age
                    end
                )
            )
        left join
            ranked
            on ranked.patient_id = patients.patient_id
            and ranked.tag = schedule.tag
            and ranked.recency = 1
        left join
            {{ source("clinic", "screenings") }} as recorded
            on recorded.screening = schedule.screening
    )
select
    patient_id,
    tag,
    case when is_done then 'done' when doubt is null then 'due' else 'unknown' end as state,
    case when not coalesce(is_done, false) then doubt end as reason,
    last_done_on,
    case when doubt is null and not coalesce(is_done, false) then due_from end as due_from,
    evidence_table,
    file_id,
    line_no
from joined
