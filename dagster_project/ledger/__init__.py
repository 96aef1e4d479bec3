"""The ledger: what was decided, frozen, tried and accepted. Never rebuilt.

It is shortened only where a person is forgotten, or a text has outlived its days.
"""
