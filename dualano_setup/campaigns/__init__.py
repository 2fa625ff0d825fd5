"""Campaigns: every anomaly of a data set through the same steps, on every machine there is. State is files."""
