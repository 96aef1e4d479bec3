"""Whether marts of results and report are made within 20 s of CPU: `make bench-results`.

A clinic of 100,000 patients that has sent for 24 months, and its night before: every message is
counted again, as each night does.
"""

import tempfile
from datetime import date, timedelta
from pathlib import Path

import click
from nights import DBT
from report_tables import installed
from results_tables import CAMPAIGN, Laid

from bench.measure import cost_here
from dagster_project import transform
from dagster_project.clinic import clinic_in
from dagster_project.insight.report_page import write_report

TONIGHT = date(2026, 6, 3)
CAMPAIGNS = 6
TAGS = 30
LIMIT = 20.0
# Each month's messages go to other patients; a tenth of them is left out instead.
SENT = """
insert into ledger.deliveries by name
select 'o-' || c || '-' || month as occurrence_id, 'c' || c as campaign, 1 as step,
    'U' || patient as line_user_id, 'p' || patient as patient_id, 'accepted' as state,
    cast(day as date) as as_of, day + interval 10 hour as accepted_at,
    'b-' || c || '-' || month || '-' || n // 500 as batch_id, 'a' as variant,
    'visit' as purpose
from (
    select n, month, n % $campaigns as c, (n * 7 + month * 13) % $patients as patient,
        cast($tonight as date) - interval 40 day - to_months(month) as day
    from range($monthly) numbers (n), range($months) months (month)
) where patient % 10 <> 0
"""
LEFT_OUT = """
insert into previous.holdout_starts by name
select distinct 'o-' || c || '-' || month as occurrence_id, 'c' || c as campaign, 1 as step,
    'p' || patient as patient_id, cast(day as date) as on_day
from (
    select n, month, n % $campaigns as c, (n * 7 + month * 13) % $patients as patient,
        cast($tonight as date) - interval 40 day - to_months(month) as day
    from range($monthly) numbers (n), range($months) months (month)
) where patient % 10 = 0
"""
VISITS = """
insert into stg_visits by name
select 'p' || n % $patients as patient_id, 'csv' as source, 'f' as file_id,
    cast($tonight as date) - cast(hash(n) % ($months * 30) as integer) as visited_on
from range($patients * $months // 2) visits (n)
"""
HELD = """
insert into tag_history by name
select 't' || t as tag, 'p' || n as patient_id, date '2020-01-01' as held_from
from range($patients) patients (n), range($tags) tags (t) where (n + t) % 3 = 0
"""
UNITS = """
insert into ledger.unit_statistics by name
select batch_id, min(as_of) as sent_on, cast($tonight as date) as read_on, true as is_frozen,
    count(*) as recipients, cast(count(*) * 0.6 as integer) as impressions,
    cast(count(*) * 0.1 as integer) as clicks
from ledger.deliveries group by batch_id
"""


def lay(laid: Laid, patients: int, months: int, monthly: int) -> None:
    """Lay down a clinic's past."""
    sizes = {"patients": patients, "months": months, "monthly": monthly, "tonight": TONIGHT,
             "campaigns": CAMPAIGNS, "tags": TAGS}  # fmt: skip
    for query in (SENT, LEFT_OUT, VISITS, HELD, UNITS):
        laid.con.execute(query, {each: sizes[each] for each in sizes if f"${each}" in query})
    per_campaign = TAGS // CAMPAIGNS
    for c in range(CAMPAIGNS):
        tags = ",".join(f"t{c * per_campaign + t}" for t in range(per_campaign))
        laid.lay("campaigns", {**CAMPAIGN, "campaign": f"c{c}", "tags": f",{tags},"})
    laid.lay("tag_catalog", *({"tag": f"t{t}", "label_ja": f"タグ {t}"} for t in range(TAGS)))


@click.command()
@click.option("--patients", default=100_000, show_default=True)
@click.option("--months", default=24, show_default=True)
@click.option("--monthly", default=30_000, show_default=True, help="Patients written to a month.")
def main(patients: int, months: int, monthly: int) -> None:
    """Make the marts upon the night before, and the page and files of the month."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        transform.parse(DBT, folder / "dbt")
        laid = Laid(folder / "dbt")
        lay(laid, patients, months, monthly)
        laid.night(TONIGHT - timedelta(days=1))
        laid.hand_on("message_outcomes")
        spent = cost_here("marts of results", lambda: laid.night(TONIGHT))
        ((outcomes,),) = laid.rows("select count(*) from message_outcomes")
        settings = installed(laid, folder)
        clinic = clinic_in(settings.exports_dir, "here")
        april = date(2026, 4, 1)
        spent += cost_here("report, page and files", lambda: write_report(settings, clinic, april))
    print(f"{outcomes:,} messages and people left out: {spent:.1f} of {LIMIT:.0f} s CPU")
    raise SystemExit(spent > LIMIT)


if __name__ == "__main__":
    main()
