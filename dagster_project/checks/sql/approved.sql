-- One row per campaign whose audience a person approved today, while it is as large as it was then.
select distinct approvals.campaign
from ledger.audience_approvals as approvals
inner join meta.build as build on build.as_of = approvals.as_of
inner join
    segment_sizes as sizes
    on sizes.campaign = approvals.campaign
    and sizes.on_day = approvals.as_of
    and sizes.members = approvals.members
