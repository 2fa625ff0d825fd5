"""What people and programs read: text for a terminal, JSON, Markdown, SARIF, SBOM. Renders; decides nothing."""
