"""What staff look at: so far, the summary a night ends with."""
