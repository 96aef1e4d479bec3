-- Patients who answered that they wish for the influenza vaccine, until the season of seed
-- vaccine_schedule ends, without those who have had it this fiscal year.
with
    doses as (
        -- The schedule's name of the vaccine; nobody needs to hold the tag of that name.
        select tag as scheduled_for, vaccine, season_from_month, season_to_month
        from {{ ref("vaccine_schedule") }} as schedule
        where {{ in_force("schedule") }}
    ),
    seasons as (
        select
            vaccine,
            {{ add_months(fiscal_year_start(as_of()), "min(season_from_month) - 4") }} as from_day,
            {{
                add_days(
                    add_months(
                        fiscal_year_start(as_of()),
                        "max(case when season_to_month < 4 then 12 else 0 end + season_to_month) - 3",
                    ),
                    -1,
                )
            }}
            as to_day
        from doses
        where scheduled_for = 'influenza_due'
        group by vaccine
    ),
    given as (
        select distinct immunizations.patient_id
        from {{ ref("stg_immunizations") }} as immunizations
        inner join {{ ref("vaccines") }} as vaccines on vaccines.vaccine = immunizations.vaccine
        inner join seasons on seasons.vaccine = vaccines.series
        where immunizations.given_on >= {{ fiscal_year_start(as_of()) }}
    )
select
    tags.patient_id,
    tags.since,
    seasons.from_day as due_on,
    seasons.to_day as deadline_on,
    tags.evidence_value as evidence
from {{ ref("patient_tags") }} as tags
inner join seasons on seasons.to_day >= {{ as_of() }}
left join given on given.patient_id = tags.patient_id
where tags.tag = 'wants_influenza_vaccine' and tags.state = 'has' and given.patient_id is null
