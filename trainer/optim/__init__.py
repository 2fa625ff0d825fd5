"""What turns gradients into the next weights: flat parameters, AdamW, learning rate, loss scale. Knows no model."""
