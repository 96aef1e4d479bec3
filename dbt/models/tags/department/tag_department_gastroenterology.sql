-- Has visited 消化器科 at this clinic; unknown for a patient whose visits all lack a department.
{{ patients_of_department("gastroenterology") }}
