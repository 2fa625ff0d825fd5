"""`python -m trainer`: the training from flags to the last checkpoint. No mathematics of the method."""
