"""The desk: rules, verbs and rows. Knows no channel, no HTTP, no provider."""
