"""The training environment on disk: where it is, what is in it, and what is damaged.

Looks only; nothing here judges or imports a package.
"""
