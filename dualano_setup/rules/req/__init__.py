"""Rules about the checkout's requirements.txt. Pure."""
