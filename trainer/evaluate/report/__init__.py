"""What an evaluation leaves: evaluation.json, a table in Markdown, pictures."""
