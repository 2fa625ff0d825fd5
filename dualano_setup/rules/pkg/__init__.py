"""Rules about the packages of the training environment. Pure."""
