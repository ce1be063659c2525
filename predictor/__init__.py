"""The service: one artefact behind KServe's protocols and the product's own HTTP API."""
