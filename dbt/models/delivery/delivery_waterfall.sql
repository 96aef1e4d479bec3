-- One row per campaign and reason: how many members of the segment it took.
select decisions.campaign, decisions.reason, reasons.rank, count(*) as patients
from {{ ref("delivery_decisions") }} as decisions
inner join {{ ref("decision_reasons") }} as reasons on reasons.reason = decisions.reason
group by decisions.campaign, decisions.reason, reasons.rank
