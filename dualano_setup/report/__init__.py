"""What people and programs read: text for a terminal, one JSON document, redaction."""
