-- Has visited 救急科 at this clinic; unknown for a patient whose visits all lack a department.
{{ patients_of_department("emergency") }}
