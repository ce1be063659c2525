"""The command `recipes`."""
