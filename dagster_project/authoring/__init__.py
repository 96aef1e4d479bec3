"""Writing tags: a skeleton to fill in, a lint that says what is missing, a catalogue to read."""
