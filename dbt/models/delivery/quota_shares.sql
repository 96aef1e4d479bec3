-- One row per message of tonight that has a place: in which turn it gets its share of what the
-- month has left, and whether it does. First those whose last day does not wait, then campaign by
-- campaign, by priority and by what a message is known to bring.
with
    messages as (
        select
            messages.occurrence_id,
            messages.line_user_id,
            messages.campaign,
            messages.step,
            coalesce(turns.given_priority, messages.priority) as priority,
            turns.visits_per_message,
            max(case when messages.has_deadline then 1 else 0 end) = 1 as has_deadline,
            min(case when messages.has_deadline then messages.deadline_on end) as deadline_on,
            max(messages.score) as score,
            max(case when campaigns.may_go_in_parts then 1 else 0 end) = 1 as may_go_in_parts
        from {{ ref("candidate_messages") }} as messages
        inner join
            {{ ref("delivery_reasons") }} as reasons
            on reasons.campaign = messages.campaign
            and reasons.patient_id = messages.patient_id
            and reasons.is_new
        inner join
            {{ ref("account_places") }} as places
            on places.line_user_id = messages.line_user_id
            and places.campaign = messages.campaign
            and places.step = messages.step
            and places.has_place
        inner join {{ ref("campaigns") }} as campaigns on campaigns.campaign = messages.campaign
        left join
            {{ ref("campaign_turns") }} as turns
            on turns.campaign = messages.campaign
            and turns.step = messages.step
        group by
            messages.occurrence_id,
            messages.line_user_id,
            messages.campaign,
            messages.step,
            coalesce(turns.given_priority, messages.priority),
            turns.visits_per_message
    ),
    -- Of one priority, what a message brings goes first, where it is known of all of them: days
    -- waited and visits are not to be compared.
    weighed as (
        select
            *,
            case
                when
                    count(visits_per_message) over (partition by has_deadline, priority)
                    = count(*) over (partition by has_deadline, priority)
                then visits_per_message
            end as worth
        from messages
    ),
    -- A campaign goes whole, in a turn of its own. Those of one priority that may go in parts are
    -- one turn, after those of it that may not: the best score goes first.
    in_turn as (
        select
            *,
            dense_rank() over (
                order by
                    case when has_deadline then 0 else 1 end,
                    case when has_deadline then 0 else priority end,
                    case when has_deadline then 0 else worth end desc,
                    case when may_go_in_parts and not has_deadline then 1 else 0 end,
                    case when has_deadline or may_go_in_parts then '' else campaign end,
                    case when has_deadline or may_go_in_parts then 0 else step end
            ) as turn
        from weighed
    ),
    queue as (
        select
            occurrence_id,
            line_user_id,
            campaign,
            step,
            has_deadline,
            turn,
            row_number() over (
                partition by turn
                order by
                    deadline_on,
                    priority,
                    worth desc,
                    score desc,
                    md5(occurrence_id || '/' || line_user_id),
                    occurrence_id,
                    line_user_id
            ) as place,
            -- Of those whose last day is near, some are better than none.
            has_deadline or may_go_in_parts as goes_in_parts
        from in_turn
    ),
    turns as (
        select turn, goes_in_parts, cast(count(*) as integer) as messages
        from queue
        group by turn, goes_in_parts
    ),
    granted as (
        with recursive
            given as (
                select cast(0 as bigint) as turn, 0 as messages, messages_left
                from {{ source("clinic", "contact_policy") }}
                union all
                select turn, messages, messages_left - messages as messages_left
                from
                    (
                        select
                            turns.turn,
                            given.messages_left,
                            case
                                when coalesce(turns.messages <= given.messages_left, true)
                                then turns.messages
                                when turns.goes_in_parts
                                then greatest(given.messages_left, 0)
                                else 0
                            end as messages
                        from given
                        inner join turns on turns.turn = given.turn + 1
                    ) as next_turn
            )
        select turn, messages
        from given
    )
select
    queue.occurrence_id,
    queue.line_user_id,
    queue.campaign,
    queue.step,
    queue.has_deadline,
    queue.turn,
    queue.place,
    queue.goes_in_parts,
    queue.place <= granted.messages as is_granted
from queue
inner join granted on granted.turn = queue.turn
