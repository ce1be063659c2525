"""Drift: do the queries of today look like those of the reference? Two windows in, a list of tests out."""
