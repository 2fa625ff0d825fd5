"""Rules about accelerate's config and the variables that win over it. Pure."""
