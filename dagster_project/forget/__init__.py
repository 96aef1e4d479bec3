"""Forgetting a person: every copy removed, and only a keyed hash left that keeps them out."""
