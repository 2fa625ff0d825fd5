"""Ground: making text fit to be shown: redaction, width, control characters. Knows nothing of what is said."""
