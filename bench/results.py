"""What the results cost: `python -m bench.results`, 100,000 patients and 24 months of sends.

The marts are made as a night makes them, upon what the night before handed on, on one thread.
"""

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import click
from results_tables import CAMPAIGN, MARTS, Laid

from dagster_project.insight.results import campaign_results, pooled, tag_results

NIGHT = date(2026, 6, 1)
LIMIT_SECONDS = 20  # of CPU, together with the page of a month
PLANTED = """
insert into ledger.deliveries by name
select
    'o/' || month || '/' || campaign as occurrence_id, 'c' || campaign as campaign, 1 as step,
    'U' || patient as line_user_id, cast(patient as varchar) as patient_id, 'accepted' as state,
    cast(date '2024-06-03' + to_months(cast(month as integer)) as date) as as_of,
    date '2024-06-03' + to_months(cast(month as integer)) + interval 10 hour as accepted_at,
    'b/' || month || '/' || campaign || '/' || patient // 500 as batch_id, 'a' as variant
from range($months) months (month), range(6) campaigns (campaign),
    (select i % 6 as slot, hash(i, 7) % $patients as patient from range($messages) numbers (i))
where slot = campaign;
insert into ledger.unit_statistics by name
select distinct
    batch_id, batch_id as unit, campaign, 1 as step, 'v' as content_version, as_of as sent_on,
    500 as recipients, as_of as read_on, true as is_frozen, 300 as impressions, 50 as clicks
from ledger.deliveries;
insert into previous.holdout_starts
select campaign, 1, 'h' || patient_id, as_of, occurrence_id from ledger.deliveries
where hash(patient_id) % 10 = 0;
insert into stg_visits
select
    cast(patient as varchar),
    date '2024-01-01' + cast(hash(patient, i) % 880 as integer),
    'csv',
    'f' || i
from range($patients) patients (patient), range(15) numbers (i);
insert into tag_history
select 't' || tag, cast(patient as varchar), date '2024-01-01', null
from range(6) tags (tag), range($patients) patients (patient) where hash(tag, patient) % 3 = 0;
insert into ledger.blocks
select 'U' || patient, timestamp '2025-06-05 10:00:00' from range(1000) patients (patient);
"""


@click.command()
@click.option("--patients", default=100_000, show_default=True)
@click.option("--months", default=24, show_default=True)
@click.option("--messages", default=30_000, show_default=True, help="A month.")
def main(patients: int, months: int, messages: int) -> None:
    """Print the CPU of each mart and of reading all of them; fail where the limit is passed."""
    with tempfile.TemporaryDirectory(prefix="tagline-bench-") as folder:
        laid = Laid(Path(folder))
    laid.con.execute("set threads = 1")
    for n in range(6):
        laid.lay("campaigns", {**CAMPAIGN, "campaign": f"c{n}", "tags": f",t{n},", "priority": n})
    for statement in PLANTED.strip().removesuffix(";").split(";"):
        numbers = {"patients": patients, "months": months, "messages": messages}
        used = {name: value for name, value in numbers.items() if f"${name}" in statement}
        laid.con.execute(statement, used)
    laid.night(NIGHT, "message_outcomes")
    laid.hand_on("message_outcomes")
    spent = 0.0
    for name in MARTS:
        began = time.process_time()
        laid.night(NIGHT, name)
        seconds = time.process_time() - began
        spent += seconds
        ((rows,),) = laid.rows(f"select count(*) from {name}")
        print(f"{name}: {seconds:.2f} s CPU, {rows:,} rows")
    began = time.process_time()
    shown = [*pooled(campaign_results(laid.con)), *pooled(tag_results(laid.con))]
    seconds = time.process_time() - began
    print(f"read and judged: {seconds:.2f} s CPU, {len(shown)} campaigns and tags")
    print(f"together: {spent + seconds:.2f} s CPU of {LIMIT_SECONDS}")
    sys.exit(spent + seconds > LIMIT_SECONDS)


if __name__ == "__main__":
    main()
