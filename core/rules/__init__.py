"""What is decided, and why? Plain values in, `now` included, a decision out: no database, no clock, no channel."""
