"""What does a mail say? Pure functions from bytes to `Inbound`: no network, no database, no clock."""
