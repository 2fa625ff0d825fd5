"""The tools that make environments, and how the user's own package configuration reaches them."""
