"""The command line: one module for each command, each importing its work only when it runs."""
