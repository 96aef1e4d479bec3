"""Everything Dagster materialises, in the order the data flows."""
