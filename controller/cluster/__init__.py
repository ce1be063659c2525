"""The Kubernetes shell: events put keys into a queue; a worker observes, decides and acts. KServe serves."""
