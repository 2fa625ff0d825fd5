"""Installers and interpreters of this machine, and the user's own configuration of pip and uv. Looks only."""
