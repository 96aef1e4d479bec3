-- Has visited 循環器科 at this clinic; unknown for a patient whose visits all lack a department.
{{ patients_of_department("cardiology") }}
