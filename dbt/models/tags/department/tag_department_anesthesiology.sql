-- Has visited 麻酔科 at this clinic; unknown for a patient whose visits all lack a department.
{{ patients_of_department("anesthesiology") }}
