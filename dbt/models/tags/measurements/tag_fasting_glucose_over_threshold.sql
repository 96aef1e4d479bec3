-- Is beyond the dated threshold of seed observation_thresholds by a measurement that is still
-- valid; unknown without one.
{{ patients_over_threshold("fasting_glucose_over_threshold") }}
