-- Is 65〜74歳 today by the Japanese age law; unknown without a birth date.
{{ patients_of_age_band("65_74") }}
