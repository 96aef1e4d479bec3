-- One row per LINE account and patient: who may be reached for whom, and for which purposes they
-- agreed.
with
    ranked as (
        select
            links.line_user_id,
            {{ patient_id("links.patient_no") }} as patient_id,
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
                partition by links.line_user_id, {{ patient_id("links.patient_no") }}
                order by files.precedence desc, links.line_no desc
            ) as recency
        from {{ source("landing", "line_links") }} as links
        inner join
            {{ ref("source_files") }} as files on files.file_id = links.file_id and files.is_current
        where coalesce(links.linked_on, {{ as_of() }}) <= {{ as_of() }}
    )
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
from ranked
where recency = 1
