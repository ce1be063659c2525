"""The parts behind `mlops.model_registry`: stages, versions, the port to MLflow and its implementations."""
