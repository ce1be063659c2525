"""Recipes on their way in: readers, checks, rejects, and the store they end up in."""
