"""`python -m trainer.generate`: pairs from trained weights, with their masks and a manifest. Trains nothing."""
