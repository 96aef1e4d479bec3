"""The LINE Messaging API: the only package that imports LINE's SDK."""
