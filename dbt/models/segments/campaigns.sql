-- One row per campaign folder: its purpose, priority, pauses and the tags it stands on.
{% for campaign in campaign_settings() %}
    select
        {{ quoted(campaign.name) }} as campaign,
        {{ quoted(campaign.label_ja) }} as label_ja,
        {{ quoted(campaign.purpose) }} as purpose,
        cast({{ campaign.priority }} as integer) as priority,
        cast({{ campaign.step }} as integer) as step,
        cast({{ campaign.cooldown_days }} as integer) as cooldown_days,
        {{ quoted(campaign.cycle) }} as cycle,
        cast({{ campaign.visited_within_days }} as integer) as visited_within_days,
        cast({{ campaign.urgent_days or "null" }} as integer) as urgent_days,
        cast({{ campaign.attribution_days or "null" }} as integer) as attribution_days,
        -- Of all numbers of eight hexadecimal digits the share below this one is held out.
        {{ quoted("%08x" % ((campaign.holdout_share or 0) * 4294967296) | int) }} as holdout_below,
        -- Of the same numbers those from this one on are told text b; without a test nobody.
        {{
            (
                quoted("%08x" % (campaign.ab.a * 4294967296 // 100))
                if campaign.ab
                else "cast(null as varchar)"
            )
        }} as b_from,
        {{ "true" if campaign.in_parts else "false" }} as may_go_in_parts,
        {{ quoted("," ~ campaign.tags | join(",") ~ ",") }} as tags,
        {{ quoted("," ~ (campaign.moves_on or []) | join(",") ~ ",") }} as moves_on,
        cast({{ campaign.max_share_of_clinic }} as double) as max_share_of_clinic,
        cast({{ campaign.min_members or "null" }} as integer) as min_members,
        {{ "true" if campaign.if_missed == "drop" else "false" }} as is_dropped_if_missed,
        -- Its own hours, where it has any; the clinic's hold as well.
        {{ window_hour(campaign, "from") }} as sends_from,
        {{ window_hour(campaign, "to") }} as sends_until,
        cast(
            {{ quoted(campaign.not_after) if campaign.not_after else "null" }} as date
        ) as not_after,
        {% set scenario = campaign.scenario or {} %}
        {{ quoted(scenario.reentry) if scenario else "cast(null as varchar)" }} as reentry,
        cast({{ scenario.reentry_gap_days or "null" }} as integer) as reentry_gap_days,
        cast({{ scenario.lapse_days or "null" }} as integer) as lapse_days,
        {{ listed(step_tags(campaign)) }} as step_tags
    {% if not loop.last %}
        union all
    {% endif %}
{% else %}
    select
        cast(null as varchar) as campaign,
        cast(null as varchar) as label_ja,
        cast(null as varchar) as purpose,
        cast(null as integer) as priority,
        cast(null as integer) as step,
        cast(null as integer) as cooldown_days,
        cast(null as varchar) as cycle,
        cast(null as integer) as visited_within_days,
        cast(null as integer) as urgent_days,
        cast(null as integer) as attribution_days,
        cast(null as varchar) as holdout_below,
        cast(null as varchar) as b_from,
        cast(null as boolean) as may_go_in_parts,
        cast(null as varchar) as tags,
        cast(null as varchar) as moves_on,
        cast(null as double) as max_share_of_clinic,
        cast(null as integer) as min_members,
        cast(null as boolean) as is_dropped_if_missed,
        cast(null as varchar) as sends_from,
        cast(null as varchar) as sends_until,
        cast(null as date) as not_after,
        cast(null as varchar) as reentry,
        cast(null as integer) as reentry_gap_days,
        cast(null as integer) as lapse_days,
        cast(null as varchar) as step_tags
    where false
{% endfor %}
