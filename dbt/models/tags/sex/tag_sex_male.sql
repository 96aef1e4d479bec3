-- Is recorded as male; unknown when the clinic has not recorded a sex.
{{ patients_of_sex("male") }}
