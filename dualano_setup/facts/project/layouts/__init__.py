"""Data sets as their makers publish them: which layout a folder has, and what pictures with which masks are in it."""
