"""The field's numbers as pure functions on arrays: NumPy (and OpenCV for regions) alone, no network, no file."""
