"""The chat with a patient: what they sent, what it means, and what is answered at once.

What is true of an account (friend, links, consents) is a fold over its events in the order
they happened, so that a webhook delivered late, twice or out of order changes nothing.
"""
