-- Has visited 形成外科・美容外科 at this clinic; unknown for a patient whose visits all lack a department.
{{ patients_of_department("plastic_surgery") }}
