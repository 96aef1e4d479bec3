"""The ledger: what was decided, frozen, tried and accepted. Never rebuilt, never shortened."""
