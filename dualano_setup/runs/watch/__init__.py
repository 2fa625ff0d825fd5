"""Watching a run: live line, log, report, what its failure was. Starts and ends nothing."""
