-- One row per patient who ever had a check-up here: the newest day on which all was measured that
-- seed screening_records says a lifestyle check-up consists of.
with
    items as (
        select code as item
        from {{ ref("screening_records") }}
        where screening = 'lifestyle_checkup' and kind = 'observation'
    ),
    days as (
        select
            observations.patient_id,
            observations.observed_on,
            count(distinct observations.item) as items
        from {{ ref("stg_observations") }} as observations
        inner join items on items.item = observations.item
        group by observations.patient_id, observations.observed_on
    )
select days.patient_id, max(days.observed_on) as done_on
from days
inner join (select count(*) as items from items) as needed on needed.items = days.items
group by days.patient_id
