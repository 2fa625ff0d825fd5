"""The networks that the numbers come from: two trained here, and pretrained ones from the user's own cache."""
