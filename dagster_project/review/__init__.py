"""`tagline review`: which tags to look at again, and what was decided of them."""
