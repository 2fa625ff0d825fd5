"""What is known beside the machine: tables with a source and a date on every row."""
