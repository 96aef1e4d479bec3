"""What a person may say to the sender: stop, resume, reset, veto, approve, retry."""
