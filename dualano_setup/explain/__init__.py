"""Names the known problem in a log: knowledge as data, matched fast, the root cause first."""
