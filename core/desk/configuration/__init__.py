"""The desk as a file: customers, contracts, groups, routing … in and out as TOML (`apply`, `export`)."""
