"""HTTP: the threaded server with its limits, and the responses that it gives."""
