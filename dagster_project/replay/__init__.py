"""Nights gone by, built again from what they had, and held against what was published."""
