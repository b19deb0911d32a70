"""The telephone: voice by Twilio or by SIP, and the messages that a telephone number is sent."""
