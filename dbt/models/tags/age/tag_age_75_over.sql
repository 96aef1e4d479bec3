-- Is 75歳以上 today by the Japanese age law; unknown without a birth date.
{{ patients_of_age_band("75_over") }}
