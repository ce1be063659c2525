"""The life of a version: pure decisions, and the kopf shell that carries them out on Kubernetes."""
