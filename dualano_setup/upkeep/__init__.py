"""Tools of the maintainers, which write the knowledge that the program ships. No command of users reaches them."""
