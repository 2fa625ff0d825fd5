"""What the settings name: data set, base model, checkout, requirements, accelerate's config.

Headers and texts; no image library.
"""
