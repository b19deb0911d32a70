"""The e-mail channel: bytes from SMTP and IMAP in, mails to a relay out."""
