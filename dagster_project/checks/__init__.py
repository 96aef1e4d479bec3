"""Great Expectations at the borders: the exports as they arrived, the audience before LINE.

A suite is GX's own JSON, readable without importing GX (which takes five seconds).
It runs on a profile: one row per thing judged, counted by SQL, no patient in it.
"""
