"""Exports in, landing out: what the EMR wrote, parsed once, kept for ever."""
