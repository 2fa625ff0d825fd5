"""Every line that the product prints, or its pages show, to be typed."""
