"""Tagline: EMR exports in, patient tags in SQL, one relevant LINE message out."""
