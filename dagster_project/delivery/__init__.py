"""Plan, freeze, send, sweep, reconcile: the one way from a decision to a person's phone."""
