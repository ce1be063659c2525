"""Arithmetic in C where it is measured to be worth it: encoding queries in 8 bit, and searching vectors.

Whoever uses it has a way without: not every machine has a C compiler, or a CPU with AVX-512.
"""
