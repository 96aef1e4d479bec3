-- Was billed a management fee for lifestyle diseases (seed lifestyle_fees) within six calendar
-- months; unknown at a clinic without claims.
{{ patients_with_lifestyle_fee_within(6) }}
