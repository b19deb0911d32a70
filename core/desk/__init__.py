"""Verbs of the desk: each public function is one transaction and records events."""
