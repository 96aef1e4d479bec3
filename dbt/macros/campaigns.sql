{# Every campaign folder's own settings, from config.meta.campaign of its segment. #}
{% macro campaign_settings() %}
    {% set found = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute="name") %}
            {% set meta = node.config.meta or {} %}
            {% if node.resource_type == "model" and node.name.startswith("seg_") and meta.get(
                "campaign"
            ) %}
                {% do found.append(
                    dict(meta.campaign, name=node.name[4:], label_ja=meta.label_ja)
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}

{#
  The eight hexadecimal digits by which somebody is on one side of a share: a patient left out of a
  purpose's campaigns or not, an account told text a of a campaign or b. The same every time, so that
  nobody's turn comes by waiting.
#}
{% macro sticky_number(clinic_id, of, who) %}
    substr(md5({{ clinic_id }} || '/' || {{ of }} || '/' || {{ who }}), 1, 8)
{% endmacro %}

{# The tags that the steps of a campaign's scenario branch on. #}
{% macro step_tags(campaign) %}
    {% set tags = [] %}
    {% for step in (campaign.scenario or {}).get("steps", []) %}
        {% do tags.extend((step.only_if or []) + (step.unless or [])) %}
    {% endfor %}
    {{ return(tags | unique | list) }}
{% endmacro %}

{# Tags as one text to look into, each between commas: one comma where there is none. #}
{% macro listed(tags) %}
    {{ quoted("," ~ tags | join(",") ~ ",") if tags else "','" }}
{% endmacro %}

{# A bound of a campaign's own hours, null where it has none; what is no hour stops the build. #}
{% macro window_hour(campaign, bound) %}
    {% set hour = (campaign.send_window or {}).get(bound) | string %}
    {% if not campaign.send_window %} {{ return("cast(null as varchar)") }}
    {% elif not modules.re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", hour) %}
        {% do exceptions.raise_compiler_error(
            campaign.name ~ ": send_window." ~ bound ~ " is no hour: write it in quotes"
        ) %}
    {% endif %}
    {{ return(quoted(hour)) }}
{% endmacro %}

{# The period in which the same occurrence cannot happen twice. #}
{% macro period_of(cycle) %}
    case
        {{ cycle }}
        when 'month'
        then substr(cast({{ as_of() }} as varchar), 1, 7)
        when 'half_year'
        then
            substr(cast({{ as_of() }} as varchar), 1, 4)
            || case when extract(month from {{ as_of() }}) <= 6 then '-H1' else '-H2' end
        else substr(cast({{ as_of() }} as varchar), 1, 4)
    end
{% endmacro %}

{# What a person said not to send. A veto on a chart that was merged is one on the other chart. #}
{% macro vetoes_of_today() %}
    select distinct vetoes.scope, coalesce(merges.into_patient_id, vetoes.subject) as subject
    from {{ source("ledger", "vetoes") }} as vetoes
    left join
        {{ ref("stg_patient_merges") }} as merges
        on vetoes.scope = 'patient'
        and merges.patient_id = vetoes.subject
{% endmacro %}

{# The campaigns that a failed check holds tonight: their own, or one of a tag they stand on. #}
{% macro held_campaigns() %}
    select distinct campaigns.campaign
    from {{ ref("campaigns") }} as campaigns
    inner join
        {{ source("checks", "verdicts") }} as verdicts
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
    -- A person may answer for how many they are tonight, and for nothing else.
    left join
        {{ source("checks", "verdicts") }} as approvals
        on approvals.severity = 'approval'
        and approvals.scope = 'campaign'
        and approvals.subject = campaigns.campaign
        and verdicts.may_be_approved
    where approvals.subject is null
{% endmacro %}

{#
  The day a step of a scenario is due: so many days after the entry; a step that was late puts off
  those after it, or a patient would get two in a row.
#}
{% macro step_due_on(entered_on, after_days, sent_on, sent_after_days) %}
    greatest(
        {{ add_days(entered_on, after_days) }},
        {{ add_days(sent_on, after_days ~ " - " ~ sent_after_days) }}
    )
{% endmacro %}

{# Whether an event of scenario_events ends an entry. #}
{% macro ends_an_entry(event) %}
    {{ event }} in ('goal', 'blocked', 'stopped', 'completed', 'left', 'lapsed')
{% endmacro %}

{# The step a candidate is at: of a scenario the next, or the last they heard of. #}
{% macro step_of(positions, campaigns) %}
    coalesce({{ positions }}.next_step, {{ positions }}.last_step, {{ campaigns }}.step)
{% endmacro %}

{#
  The day from which on a visit is the goal of an entry: one that was known when they entered is
  what led to it, or came before. An aggregate over the events since the entry.
#}
{% macro visits_count_from(entries) %}
    max(
        case
            when events.event = 'entered' and events.visited_on >= {{ entries }}.entered_on
            then {{ add_days("events.visited_on", 1) }}
            else {{ entries }}.entered_on
        end
    )
{% endmacro %}

{# How far each entry has come before tonight: the last step that may have reached them, and when. #}
{% macro steps_sent(entries) %}
    select
        {{ entries }}.campaign,
        {{ entries }}.patient_id,
        max(deliveries.step) as step,
        max(deliveries.as_of) as sent_on
    from {{ entries }}
    inner join
        {{ ref("stg_deliveries") }} as deliveries
        on deliveries.campaign = {{ entries }}.campaign
        and deliveries.patient_id = {{ entries }}.patient_id
        and deliveries.state in ('batched', 'accepted', 'unknown')
        and deliveries.as_of >= {{ entries }}.entered_on
        and deliveries.as_of < {{ as_of() }}
    group by {{ entries }}.campaign, {{ entries }}.patient_id
{% endmacro %}
