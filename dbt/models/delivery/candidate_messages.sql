-- One row per campaign and candidate: the message they would be sent, and the account it would go
-- to, whether or not anything speaks against it.
with
    -- An account is told the same variant of a campaign every time and over all steps, so that a
    -- family reads one wording; a new share moves only those between the old bound and the new.
    accounts as (
        select
            campaigns.campaign,
            addressees.patient_id,
            addressees.line_user_id,
            addressees.is_following,
            addressees.has_consent,
            case
                when
                    {{
                        sticky_number(
                            "profile.clinic_id", "campaigns.campaign", "addressees.line_user_id"
                        )
                    }} >= campaigns.b_from
                then 'b'
                else 'a'
            end as variant
        from {{ ref("addressees") }} as addressees
        inner join {{ ref("campaigns") }} as campaigns on campaigns.purpose = addressees.purpose
        cross join {{ source("clinic", "profile") }} as profile
    )
select
    campaigns.campaign,
    {{ step_of("positions", "campaigns") }} as step,
    candidates.patient_id,
    candidates.standing,
    campaigns.purpose,
    campaigns.priority,
    accounts.line_user_id,
    accounts.is_following,
    accounts.has_consent,
    accounts.variant,
    coalesce(told.content_version, 'none') as content_version,
    profile.clinic_id
    || '/'
    || campaigns.campaign
    || '/'
    || cast({{ step_of("positions", "campaigns") }} as varchar)
    || '/'
    -- Of text a, also for who is told b: one occurrence, whatever the shares become.
    || coalesce(text_a.content_version, 'none')
    || '/'
    -- Each entry into a scenario is told anew.
    || coalesce(
        cast(positions.entered_on as varchar), {{ period_of("campaigns.cycle") }}
    ) as occurrence_id,
    coalesce(
        positions.state <> 'active' or positions.next_step is null and positions.state = 'active',
        false
    ) as is_scenario_over,
    positions.ended_on,
    candidates.since,
    coalesce(positions.next_due_on, candidates.due_on) as due_on,
    candidates.deadline_on,
    coalesce(
        candidates.deadline_on <= {{ add_days(as_of(), "campaigns.urgent_days") }}, false
    ) as is_urgent,
    -- Put off until the next month it would come when time is short, or too late.
    coalesce(
        candidates.deadline_on
        <=
        {{ add_days(add_months(month_start(as_of()), 1), "coalesce(campaigns.urgent_days, 0)") }},
        false
    ) as has_deadline,
    -- What a message is worth sending tonight, the more the sooner. Campaigns in parts compete by
    -- it, so it has one unit for all of them: days since it became due, or true, and of those a
    -- year's at the most, or who was never screened would have waited a lifetime.
    least(
        coalesce({{ as_of() }} - coalesce(candidates.due_on, candidates.since), 0),
        {{ as_of() }} - {{ add_months(as_of(), -12) }}
    ) as score,
    candidates.evidence
from {{ ref("candidates") }} as candidates
inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = candidates.campaign
cross join {{ source("clinic", "profile") }} as profile
left join
    {{ ref("scenario_positions") }} as positions
    on positions.campaign = candidates.campaign
    and positions.patient_id = candidates.patient_id
left join
    accounts
    on accounts.campaign = candidates.campaign
    and accounts.patient_id = candidates.patient_id
left join
    {{ source("clinic", "campaign_content") }} as text_a
    on text_a.campaign = candidates.campaign
    and text_a.variant = 'a'
left join
    {{ source("clinic", "campaign_content") }} as told
    on told.campaign = candidates.campaign
    and told.variant = coalesce(accounts.variant, 'a')
