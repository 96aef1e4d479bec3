-- One row per patient and message that reached them, or that they were left out of to compare: the
-- first visit in the campaign's window after it, and whether its account was blocked because of it.
with
    accepted as (
        select
            occurrence_id, campaign, step, variant, line_user_id, patient_id, batch_id, accepted_at
        from {{ ref("stg_deliveries") }}
        -- What left today is counted from the next night on: the same night again counts the same.
        where state = 'accepted' and cast(accepted_at as date) < {{ as_of() }}
    ),
    told as (
        select
            *,
            -- One message may be for several patients.
            1 / cast(
                count(*) over (partition by occurrence_id, line_user_id) as double
            ) as message_share,
            row_number() over (
                partition by occurrence_id, patient_id order by accepted_at, line_user_id
            ) as choice
        from accepted
    ),
    -- Whoever blocks does so because of the last message before, if that was short before.
    last_before as (
        select
            told.occurrence_id,
            told.line_user_id,
            row_number() over (
                partition by blocks.line_user_id, blocks.blocked_at
                order by told.accepted_at desc, told.occurrence_id
            ) as recency
        from {{ source("ledger", "blocks") }} as blocks
        inner join
            told
            on told.line_user_id = blocks.line_user_id
            and told.accepted_at <= blocks.blocked_at
            and told.accepted_at + to_hours(cast({{ result_rule("block_hours") }} as integer))
            >= blocks.blocked_at
        where cast(blocks.blocked_at as date) < {{ as_of() }}
    ),
    blocked as (select distinct occurrence_id, line_user_id from last_before where recency = 1),
    arms as (
        select
            'sent' as arm,
            campaign,
            step,
            variant,
            occurrence_id,
            patient_id,
            line_user_id,
            batch_id,
            message_share,
            accepted_at,
            cast(accepted_at as date) as started_on
        from told
        where choice = 1
        union all
        select
            'holdout',
            campaign,
            step,
            null,
            occurrence_id,
            patient_id,
            null,
            null,
            null,
            null,
            on_day
        from ({{ earlier_holdout_starts() }}) as starts
    ),
    windows as (
        select
            arms.*,
            cast(
                coalesce(
                    campaigns.attribution_days, {{ result_rule("attribution_days") }}
                ) as integer
            ) as window_days,
            coalesce(campaigns.visited_within_days, 0) as visited_within_days
        from arms
        left join {{ ref("campaigns") }} as campaigns on campaigns.campaign = arms.campaign
    ),
    -- Exports name the day and not the hour: a visit on the day of the message may have come
    -- before.
    visits as (
        select
            windows.arm,
            windows.occurrence_id,
            windows.patient_id,
            min(
                case when visits.visited_on > windows.started_on then visits.visited_on end
            ) as visited_on,
            -- Had it been known of, nothing would have been sent.
            min(visits.visited_on) < min(windows.started_on) as had_come
        from windows
        inner join
            {{ ref("stg_visits") }} as visits
            on visits.patient_id = windows.patient_id
            and visits.visited_on > windows.started_on - windows.visited_within_days
            and visits.visited_on <= windows.started_on + windows.window_days
            and visits.visited_on <> windows.started_on
            and visits.visited_on <= {{ as_of() }}
        group by windows.arm, windows.occurrence_id, windows.patient_id
    ),
    late_goals as (
        select campaign, patient_id, step, min(visited_on) as visited_on, max(on_day) as on_day
        from {{ source("previous", "scenario_events") }}
        where event = 'goal' and is_late and on_day < {{ as_of() }}
        group by campaign, patient_id, step
    ),
    -- Up to which day the receptions' exports of the nights before should have told of a visit.
    told_until as (
        select max(files.exported_on) as on_day
        from {{ source("meta", "source_files") }} as files
        where
            files.known_on < {{ as_of() }}
            and files.feed in (
                select same_feed.feed
                from {{ source("meta", "source_files") }} as same_feed
                where
                    same_feed.file_id
                    in (select distinct file_id from {{ ref("stg_visits") }} where source = 'csv')
            )
    ),
    bookings as (select distinct patient_id, scheduled_on from {{ ref("stg_appointments") }}),
    judged as (
        select
            windows.*,
            visits.visited_on,
            coalesce(before.visited_on = visits.visited_on, false) as was_known,
            before.visit_known_on as known_before_on,
            coalesce(before.is_booked, false) as was_booked,
            bookings.patient_id is not null as has_booking,
            coalesce(
                visits.had_come
                or late_goals.patient_id is not null
                or (before.visited_on = visits.visited_on and before.is_late_arrival)
                or (
                    -- The night before looked at that day, and an export of a later one.
                    visits.visited_on <= before.window_ends_on
                    and coalesce(before.visited_on <> visits.visited_on, true)
                    and visits.visited_on < told_until.on_day
                ),
                false
            ) as is_late_arrival
        from windows
        cross join told_until
        left join
            visits
            on visits.arm = windows.arm
            and visits.occurrence_id = windows.occurrence_id
            and visits.patient_id = windows.patient_id
        left join
            {{ source("previous", "message_outcomes") }} as before
            on before.arm = windows.arm
            and before.occurrence_id = windows.occurrence_id
            and before.patient_id = windows.patient_id
        left join
            bookings
            on bookings.patient_id = windows.patient_id
            and bookings.scheduled_on = visits.visited_on
        left join
            late_goals
            on late_goals.campaign = windows.campaign
            and late_goals.patient_id = windows.patient_id
            and late_goals.step = windows.step
            and late_goals.visited_on < windows.started_on
            and late_goals.on_day > windows.started_on
            and windows.arm = 'sent'
    )
select
    judged.arm,
    judged.campaign,
    judged.step,
    judged.variant,
    judged.occurrence_id,
    judged.patient_id,
    judged.batch_id,
    judged.started_on,
    judged.window_days,
    {{ add_days("judged.started_on", "judged.window_days") }} as window_ends_on,
    {{ add_days("judged.started_on", "judged.window_days") }} < {{ as_of() }} as is_window_over,
    judged.visited_on,
    case
        when judged.was_known
        then judged.known_before_on
        when judged.visited_on is not null
        then {{ as_of() }}
    end as visit_known_on,
    -- Without a feed of bookings nobody can tell.
    case
        when judged.visited_on is not null and {{ has_bookings() }}
        then judged.has_booking or (judged.was_known and judged.was_booked)
    end as is_booked,
    -- Clinic-wide a visit is the work of one message: the last before it, of whichever campaign.
    judged.visited_on is not null
    and judged.arm = 'sent'
    and row_number() over (
        partition by judged.arm, judged.patient_id, judged.visited_on
        order by judged.accepted_at desc, judged.occurrence_id
    )
    = 1 as is_credited,
    judged.is_late_arrival,
    blocked.line_user_id is not null as is_blocked,
    judged.message_share,
    units.batch_id is not null and units.impressions is null as is_hidden,
    cast(units.impressions as double) / units.recipients as open_rate,
    cast(units.clicks as double) / units.recipients as click_rate
from judged
left join
    blocked
    on blocked.occurrence_id = judged.occurrence_id
    and blocked.line_user_id = judged.line_user_id
left join {{ source("ledger", "unit_statistics") }} as units on units.batch_id = judged.batch_id
