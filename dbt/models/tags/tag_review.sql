-- One row per tag and thing its owner should look at: the numbers behind it, what to do, and until
-- when it was decided to be kept as it is.
{{ config(materialized="table") }}
with
    rules as ({{ review_rules() }}),
    tags as (select tag, owner, review_on from {{ ref("tag_catalog") }} where retired_on is null),
    owner_missing as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(null as double) as measured,
            rules.threshold,
            'owner が空欄か、書きかけ' as evidence
        from tags
        inner join
            rules
            on rules.finding = 'owner_missing'
            -- What `tagline new tag` leaves to be filled in stands in such brackets.
            and substr(trim(tags.owner), 1, 1) in ('', '（')
    ),
    review_date_passed as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast({{ dbt.datediff("tags.review_on", as_of(), "day") }} as double) as measured,
            rules.threshold,
            '見直しの期日 ' || {{ as_text("tags.review_on") }} as evidence
        from tags
        inner join rules on rules.finding = 'review_date_passed' and tags.review_on < {{ as_of() }}
    ),
    never_referenced as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(0 as double) as measured,
            rules.threshold,
            '使っているセグメントとモデル 0 件' as evidence
        from tags
        inner join rules on rules.finding = 'never_referenced'
        left join {{ ref("tag_references") }} as named on named.tag = tags.tag
        where named.tag is null
    ),
    -- A tag is as old as its first member here, so a young one cannot have stood still for long.
    changes as (select tag, max(on_day) as changed_on from {{ ref("tag_events") }} group by tag),
    sends as (
        select named.tag, max(deliveries.as_of) as sent_on
        from {{ ref("tag_references") }} as named
        inner join
            {{ ref("stg_deliveries") }} as deliveries
            on deliveries.campaign = named.campaign
            and deliveries.state in ('batched', 'accepted', 'unknown')
            and deliveries.as_of <= {{ as_of() }}
        group by named.tag
    ),
    still as (
        select
            tags.tag,
            {{ dbt.datediff("changes.changed_on", as_of(), "day") }} as days_unchanged,
            {{ dbt.datediff("sends.sent_on", as_of(), "day") }} as days_unsent,
            changes.changed_on,
            sends.sent_on
        from tags
        inner join changes on changes.tag = tags.tag
        left join sends on sends.tag = tags.tag
    ),
    unchanged_and_unsent as (
        select
            still.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(still.days_unchanged as double) as measured,
            rules.threshold,
            '最後の増減 '
            || {{ as_text("still.changed_on") }}
            || ' ('
            || {{ as_text("still.days_unchanged") }}
            || ' 日前)、最後の配信 '
            || coalesce({{ as_text("still.sent_on") }}, 'なし') as evidence
        from still
        inner join
            rules
            on rules.finding = 'unchanged_and_unsent'
            and still.days_unchanged >= rules.threshold
            and (still.days_unsent is null or still.days_unsent >= rules.threshold)
    ),
    by_hand as (
        select
            overrides.tag,
            count(*) as overrides,
            -- Of whoever has it, or would if nobody had taken it away.
            max(counts.has) + count(case when overrides.action = 'remove' then 1 end) as people
        from {{ ref("overrides_in_force") }} as overrides
        inner join {{ ref("tag_counts") }} as counts on counts.tag = overrides.tag
        group by overrides.tag
    ),
    too_many_by_hand as (
        select
            by_hand.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(by_hand.overrides as double) / by_hand.people as measured,
            rules.threshold,
            '手での付け外し '
            || {{ percent("cast(by_hand.overrides as double) / by_hand.people") }}
            || ' ('
            || {{ as_text("by_hand.overrides") }}
            || ' / '
            || {{ as_text("by_hand.people") }}
            || ' 人)' as evidence
        from by_hand
        inner join
            rules
            on rules.finding = 'too_many_by_hand'
            and cast(by_hand.overrides as double) / by_hand.people > rules.threshold
    ),
    in_conflict as (
        select tag, count(distinct patient_id) as people
        from {{ ref("answer_conflicts") }}
        group by tag
    ),
    answers_in_conflict as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(in_conflict.people as double) as measured,
            rules.threshold,
            '本人の答えと記録が合わない ' || {{ as_text("in_conflict.people") }} || ' 人' as evidence
        from tags
        inner join in_conflict on in_conflict.tag = tags.tag
        inner join
            rules on rules.finding = 'answers_in_conflict' and in_conflict.people > rules.threshold
    ),
    -- Of the last months' messages for it, nobody of so many came in time.
    told as (
        select tag, sum(sent - pending) as people, sum(visited) as visited
        from {{ ref("tag_results") }}
        where month >= {{ add_months(month_start(as_of()), "-" ~ result_rule("review_months")) }}
        group by tag
    ),
    brings_nobody as (
        select
            tags.tag,
            rules.finding,
            cast(null as varchar) as other_tag,
            cast(told.people as double) as measured,
            rules.threshold,
            '来院 0 人 (届いて期間の終わった延べ '
            || {{ as_text("cast(told.people as bigint)") }}
            || ' 人)' as evidence
        from tags
        inner join told on told.tag = tags.tag and told.visited = 0
        inner join rules on rules.finding = 'brings_nobody' and told.people >= rules.threshold
    ),
    findings as (
        select tag, finding, other_tag, measured, threshold, evidence
        from owner_missing
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from review_date_passed
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from never_referenced
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from unchanged_and_unsent
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from {{ ref("tag_member_findings") }}
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from too_many_by_hand
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from answers_in_conflict
        union all
        select tag, finding, other_tag, measured, threshold, evidence
        from brings_nobody
    ),
    -- Which of two tags is the smaller may change; that the pair is kept does not.
    kept as (
        select
            least(tag, coalesce(other_tag, tag)) as one_tag,
            greatest(tag, coalesce(other_tag, tag)) as another_tag,
            finding,
            max(kept_until) as kept_until
        from {{ source("ledger", "tag_decisions") }}
        where action = 'keep' and made_on <= {{ as_of() }} and kept_until >= {{ as_of() }}
        group by one_tag, another_tag, finding
    )
select
    findings.tag,
    findings.finding,
    rules.label_ja,
    rules.rank,
    findings.other_tag,
    tags.owner,
    findings.measured,
    findings.threshold,
    findings.evidence,
    rules.to_do,
    kept.kept_until
from findings
inner join tags on tags.tag = findings.tag
inner join rules on rules.finding = findings.finding
left join
    kept
    on kept.finding = findings.finding
    and kept.one_tag = least(findings.tag, coalesce(findings.other_tag, findings.tag))
    and kept.another_tag = greatest(findings.tag, coalesce(findings.other_tag, findings.tag))
