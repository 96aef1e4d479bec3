-- First came within the last thirty days; unknown for a patient with no visit on record, and
-- where the record of visits does not reach back twelve months.
{{ patients_new_within(30) }}
