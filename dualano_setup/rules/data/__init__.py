"""Rules about the data set: where it is, what its files are. Pure."""
