"""Calls by SIP: the hub answers as an extension of a switch, or at the end of a trunk. Only this folder knows the engine."""
