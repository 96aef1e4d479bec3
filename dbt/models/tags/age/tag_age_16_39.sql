-- Is 16〜39歳 today by the Japanese age law; unknown without a birth date.
{{ patients_of_age_band("16_39") }}
