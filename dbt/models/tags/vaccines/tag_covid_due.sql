-- Has a dose of seed vaccine_schedule due today; unknown where the history on record is
-- incomplete.
{{ patients_due_for_vaccine("covid_due") }}
