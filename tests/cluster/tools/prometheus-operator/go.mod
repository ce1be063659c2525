module cluster-tools/prometheus-operator

go 1.26.0

// The CRDs of ServiceMonitor, PodMonitor and PrometheusRule; nothing of it is built.
require github.com/prometheus-operator/prometheus-operator v0.85.0
