-- Last came three calendar months ago or longer; unknown for a patient with no visit on record.
{{ patients_without_visit_for(3) }}
