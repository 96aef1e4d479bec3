-- One row per campaign that only checks hold which a person may answer for, and its people tonight.
with
    held as (
        select
            campaigns.campaign, bool_and(coalesce(verdicts.may_be_approved, false)) as may_be_approved
        from campaigns
        inner join
            checks.verdicts as verdicts
            on not verdicts.is_passed
            and verdicts.severity = 'blocking'
            and (
                (verdicts.scope = 'campaign' and verdicts.subject = campaigns.campaign)
                or (
                    verdicts.scope = 'tag'
                    and (
                        campaigns.tags like '%,' || verdicts.subject || ',%'
                        or campaigns.step_tags like '%,' || verdicts.subject || ',%'
                    )
                )
            )
        group by campaigns.campaign
    )
select held.campaign, sizes.members
from held
inner join segment_sizes as sizes on sizes.campaign = held.campaign
where
    held.may_be_approved
    and sizes.on_day = (select as_of from meta.build)
    and held.campaign not in (
        select subject from checks.verdicts where scope = 'campaign' and severity = 'approval'
    )
order by held.campaign
