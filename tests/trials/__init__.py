"""Random trials, to be run by hand with a large number and by the suite with a small one."""
