"""The call flow as data, and the pure functions that walk it. Knows no database, no provider, no network."""
