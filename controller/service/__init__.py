"""The controller over HTTP: what it knows, how it is, and the question whether to train again."""
