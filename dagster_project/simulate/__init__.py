"""What a campaign would do over many nights: the same compiled SQL on invented patients."""
