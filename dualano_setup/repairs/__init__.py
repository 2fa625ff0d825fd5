"""Repairs: typed actions, the plan that orders them, and the journal that can take them back."""
