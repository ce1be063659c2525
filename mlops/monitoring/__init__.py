"""What the service measures of itself: bounded queues of samples in memory, and statistics over the last minutes.

Prometheus gets its own instruments (`predictor/instruments.py`); this is what a laptop without Prometheus has.
"""
