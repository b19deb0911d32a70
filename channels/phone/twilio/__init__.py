"""Twilio: calls, texts and WhatsApp by its webhooks and its REST interface. See docs/phone-twilio.md."""
