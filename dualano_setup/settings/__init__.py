"""Settings: every option in one table, flag beats variable beats `dualano.toml` beats default. Judges nothing."""
