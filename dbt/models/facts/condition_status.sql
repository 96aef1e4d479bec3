-- One row per patient and chronic condition: confirmed, provisional, suspected only or resolved,
-- since when it is over, and on what evidence.
with
    {{ condition_records() }},
    standing as (
        select
            *,
            kind = 'standing' as is_standing,
            row_number() over (
                partition by patient_id, condition, kind
                order by
                    coalesce(ended_on, known_on) desc, known_on desc, file_id desc, line_no desc
            ) as recency
        from sorted
    ),
    treated as (
        select distinct patient_id, condition from ({{ condition_treatments() }}) as treatments
    ),
    counted as (
        select
            standing.patient_id,
            standing.condition,
            count(case when is_standing then 1 end) as standing_rows,
            count(
                distinct case when is_standing and not is_provisional then claim_month end
            ) as claim_months,
            count(
                case when is_standing and claim_month is null and not is_provisional then 1 end
            ) as listed_rows,
            count(case when is_standing and not is_provisional then 1 end) as settled_rows,
            count(
                case when is_suspected and not is_closed and is_recent then 1 end
            ) as suspected_rows,
            min(case when is_standing then coalesce(started_on, claim_month) end) as standing_since,
            min(coalesce(started_on, claim_month)) as first_on,
            max(known_on) as last_on,
            max(case when kind = 'over' then ended_on end) as ended_on,
            max(case when kind = 'over' and ended_on is null then known_on end) as lapsed_on,
            max(case when is_standing and recency = 1 then file_id end) as standing_file_id,
            max(case when is_standing and recency = 1 then line_no end) as standing_line_no,
            max(case when kind = 'over' and recency = 1 then file_id end) as over_file_id,
            max(case when kind = 'over' and recency = 1 then line_no end) as over_line_no,
            max(
                case when kind = 'not current' and recency = 1 then file_id end
            ) as not_current_file_id,
            max(
                case when kind = 'not current' and recency = 1 then line_no end
            ) as not_current_line_no,
            max(case when treated.condition is not null then 1 else 0 end) = 1 as has_treatment
        from standing
        left join
            treated
            on treated.patient_id = standing.patient_id
            and treated.condition = standing.condition
        group by standing.patient_id, standing.condition
    ),
    decided as (
        select
            counted.patient_id,
            counted.condition,
            case
                when counted.listed_rows > 0
                then 'confirmed'
                when counted.claim_months >= profile.min_confirm_months
                then 'confirmed'
                when counted.settled_rows > 0 and counted.has_treatment
                then 'confirmed'
                when counted.standing_rows > 0
                then 'provisional'
                when counted.suspected_rows > 0
                then 'suspected_only'
                else 'resolved'
            end as status,
            coalesce(counted.standing_since, counted.first_on) as since,
            counted.last_on,
            -- The newest episode has ended by cure or by stopping, and none stands.
            case
                when
                    counted.standing_rows = 0
                    and counted.ended_on > coalesce(counted.lapsed_on, cast('0001-01-01' as date))
                then counted.ended_on
            end as ended_on,
            counted.claim_months,
            counted.has_treatment,
            coalesce(
                counted.standing_file_id, counted.over_file_id, counted.not_current_file_id
            ) as file_id,
            coalesce(
                counted.standing_line_no, counted.over_line_no, counted.not_current_line_no
            ) as line_no
        from counted
        cross join {{ source("clinic", "profile") }} as profile
    )
select
    patient_id,
    condition,
    status,
    since,
    last_on,
    ended_on,
    claim_months,
    has_treatment,
    file_id,
    line_no
from decided
