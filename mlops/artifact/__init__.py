"""A model version as a directory: building, verifying, loading."""
