"""`tagline override ...`: tags that staff add or remove by hand, and 旧タグ from other tools."""
