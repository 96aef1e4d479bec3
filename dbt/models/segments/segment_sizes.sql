-- One row per campaign and published day of the last week: how many people were in its segment.
-- The check of the audience measures tonight against the days before.
select campaign, on_day, members
from {{ source("previous", "segment_sizes") }}
where on_day < {{ as_of() }} and {{ add_days("on_day", 7) }} >= {{ as_of() }}
union all
select campaigns.campaign, {{ as_of() }} as on_day, count(members.patient_id) as members
from {{ ref("campaigns") }} as campaigns
left join {{ ref("segment_members") }} as members on members.campaign = campaigns.campaign
group by campaigns.campaign
