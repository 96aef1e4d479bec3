-- Has visited 病理診断科・臨床検査科 at this clinic; unknown for a patient whose visits all lack a
-- department.
{{ patients_of_department("laboratory") }}
