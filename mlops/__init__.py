"""The library: corpus, retrieval, artefact, evaluation, registry, monitoring.

Knows no Kubernetes, KServe or FastAPI.
"""
