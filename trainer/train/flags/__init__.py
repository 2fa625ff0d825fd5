"""The flags of the trainer, and what they mean where several anomaly types train together."""
