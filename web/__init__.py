"""Pages and API: portal, shared inbox, REST, live updates. Knows the desk, no channel."""
