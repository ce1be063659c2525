"""The laptop shell: everything in one process, without a cluster."""
