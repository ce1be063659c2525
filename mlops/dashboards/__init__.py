"""Grafana's dashboards, written down as questions to Prometheus: `python -m mlops.dashboards` renders them."""
