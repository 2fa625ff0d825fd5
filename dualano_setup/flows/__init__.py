"""Use cases that can be called without a command line: settings in, exit status out. No argument parser here."""
