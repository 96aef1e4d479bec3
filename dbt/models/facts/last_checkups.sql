-- One row per patient who ever had a check-up here: the newest day on which all was measured that
-- seed checkup_items asks of one.
with
    asked as (select item from {{ ref("checkup_items") }} as items where {{ in_force("items") }}),
    days as (
        select
            observations.patient_id,
            observations.observed_on,
            count(distinct observations.item) as items
        from {{ ref("stg_observations") }} as observations
        inner join asked on asked.item = observations.item
        group by observations.patient_id, observations.observed_on
    ),
    needed as (select count(*) as items from asked)
select days.patient_id, max(days.observed_on) as done_on
from days
inner join needed on needed.items = days.items
group by days.patient_id
