-- Children for whom a dose of a routine vaccine is due today or will be within a month, by the
-- dated schedule: one row a child, however many doses.
with
    doses as (
        select
            patient_id,
            tag,
            due_from,
            last_day,
            state = 'due' as is_due,
            evidence_table,
            file_id,
            line_no,
            -- What is due and closes first is what the child is written to for.
            row_number() over (
                partition by patient_id
                order by
                    case when state = 'due' then 0 else 1 end,
                    case when state = 'due' then last_day else due_from end,
                    due_from,
                    tag,
                    dose_no
            ) as choice
        from {{ ref("vaccine_due") }}
        where
            tag in (
                'five_in_one_due',
                'pneumococcal_child_due',
                'hepatitis_b_due',
                'rotavirus_due',
                'bcg_due',
                'mr_due',
                'chickenpox_due',
                'japanese_encephalitis_due',
                'dt_due',
                'hpv_due'
            )
            and state in ('due', 'held', 'not_yet')
            and due_from <= {{ add_months(as_of(), 1) }}
    )
select
    patient_id,
    due_from as since,
    due_from as due_on,
    case when is_due then last_day end as deadline_on,
    replace(tag, '_due', '')
    || ' open from '
    || cast(due_from as varchar)
    || ' to '
    || cast(last_day as varchar)
    || {{ evidence_pointer("evidence_table", "file_id", "line_no") }} as evidence
from doses
where choice = 1
