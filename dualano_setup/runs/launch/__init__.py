"""Starting a run: the command line, what travels with it, the supervisor that stays beside it."""
