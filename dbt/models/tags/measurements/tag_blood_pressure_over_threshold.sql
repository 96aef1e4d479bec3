-- Is over the dated threshold of seed observation_thresholds by a measurement that is still
-- valid; unknown without one.
{{ patients_over_threshold("blood_pressure_over_threshold") }}
