-- Is recorded as female; unknown when the clinic has not recorded a sex.
{{ patients_of_sex("female") }}
