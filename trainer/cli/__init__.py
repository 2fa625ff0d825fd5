"""What every command of the trainer shares: running, flags' types, the terminal, interruption.

No work of any command.
"""
