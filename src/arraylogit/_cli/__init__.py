"""What the command line does; nothing else imports it."""
