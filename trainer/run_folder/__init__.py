"""What a training leaves, and whose the folder is: checkpoints, metrics, claim. Computes nothing."""
