"""What a repair can do: each action says what it would do, does it, proves it and takes it back.

Nothing here decides that it is needed.
"""
