"""What a campaign would have sent on nights gone by, and who came anyway; nothing is written."""
