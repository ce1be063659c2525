"""Where the parts of a long computation are done: in this process, or by the workers of a Ray cluster."""
