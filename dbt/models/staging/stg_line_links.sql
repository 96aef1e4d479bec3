-- One row per LINE account and patient: who may be reached for whom, and for which purposes they
-- agreed, by the clinic's lists and by what the account itself said in the chat, which goes before.
-- A link to a chart that was merged is one to the chart it was merged into.
with
    ranked as (
        select
            links.line_user_id,
            coalesce(merges.into_patient_id, {{ patient_id("links.patient_no") }}) as patient_id,
            coalesce(links.relation, 'self') as relation,
            links.linked_on,
            coalesce(links.friend_status, 'following') = 'following' as is_following,
            case
                when coalesce(links.consented_on, {{ as_of() }}) <= {{ as_of() }}
                then coalesce(links.consent_purposes, '')
                else ''
            end as consent_purposes,
            links.consented_on,
            links.consent_version,
            links.file_id,
            links.line_no,
            row_number() over (
                partition by
                    links.line_user_id,
                    coalesce(merges.into_patient_id, {{ patient_id("links.patient_no") }})
                order by files.precedence desc, links.line_no desc
            ) as recency
        from {{ source("landing", "line_links") }} as links
        inner join
            {{ ref("source_files") }} as files on files.file_id = links.file_id and files.is_current
        left join
            {{ ref("stg_patient_merges") }} as merges
            on merges.patient_id = {{ patient_id("links.patient_no") }}
        where coalesce(links.linked_on, {{ as_of() }}) <= {{ as_of() }}
    ),
    said_in_chat as (
        select
            links.line_user_id,
            coalesce(merges.into_patient_id, links.patient_id) as patient_id,
            links.relation,
            links.linked_on,
            links.event_id,
            row_number() over (
                partition by links.line_user_id, coalesce(merges.into_patient_id, links.patient_id)
                order by links.linked_on desc, links.event_id desc
            ) as recency
        from {{ source("ledger", "chat_links") }} as links
        left join {{ ref("stg_patient_merges") }} as merges on merges.patient_id = links.patient_id
    ),
    chat as (
        select line_user_id, patient_id, relation, linked_on, event_id
        from said_in_chat
        where recency = 1
    ),
    listed as (
        select
            ranked.line_user_id,
            ranked.patient_id,
            ranked.relation,
            ranked.linked_on,
            ranked.is_following,
            ranked.consent_purposes,
            ranked.consented_on,
            ranked.consent_version,
            ranked.file_id,
            ranked.line_no
        from ranked
        left join
            {{ source("ledger", "chat_accounts") }} as accounts
            on accounts.line_user_id = ranked.line_user_id
        left join
            chat on chat.line_user_id = ranked.line_user_id and chat.patient_id = ranked.patient_id
        where
            ranked.recency = 1
            and chat.patient_id is null
            -- What was unlinked in the chat comes back only by a later list.
            and (accounts.unlinked_on is null or ranked.linked_on > accounts.unlinked_on)
    ),
    links as (
        select
            line_user_id,
            patient_id,
            relation,
            linked_on,
            is_following,
            consent_purposes,
            consented_on,
            consent_version,
            file_id,
            line_no
        from listed
        union all
        select
            line_user_id,
            patient_id,
            relation,
            linked_on,
            true as is_following,
            '' as consent_purposes,
            cast(null as date) as consented_on,
            cast(null as varchar) as consent_version,
            event_id as file_id,
            cast(0 as bigint) as line_no
        from chat
    ),
    agreed as (
        select
            links.line_user_id,
            links.patient_id,
            purposes.purpose,
            links.consented_on,
            links.consent_version
        from links
        inner join
            {{ ref("consent_purposes") }} as purposes
            on '|' || links.consent_purposes || '|' like '%|' || purposes.purpose || '|%'
        left join
            {{ source("ledger", "chat_consents") }} as said
            on said.line_user_id = links.line_user_id
            and said.purpose = purposes.purpose
        -- The later of the two counts; on one day, the withdrawal.
        where said.purpose is null or said.is_granted or links.consented_on > said.on_day
        union
        select
            links.line_user_id,
            links.patient_id,
            said.purpose,
            said.on_day as consented_on,
            said.version as consent_version
        from links
        inner join
            {{ source("ledger", "chat_consents") }} as said
            on said.line_user_id = links.line_user_id
            and said.is_granted
    ),
    consents as (
        select
            line_user_id,
            patient_id,
            string_agg(distinct purpose, '|' order by purpose) as consent_purposes,
            max(consented_on) as consented_on,
            max(consent_version) as consent_version
        from agreed
        group by line_user_id, patient_id
    )
select
    links.line_user_id,
    links.patient_id,
    links.relation,
    links.linked_on,
    coalesce(accounts.is_following, links.is_following) as is_following,
    coalesce(consents.consent_purposes, '') as consent_purposes,
    consents.consented_on,
    consents.consent_version,
    links.file_id,
    links.line_no
from links
left join
    {{ source("ledger", "chat_accounts") }} as accounts
    on accounts.line_user_id = links.line_user_id
left join
    consents
    on consents.line_user_id = links.line_user_id
    and consents.patient_id = links.patient_id
