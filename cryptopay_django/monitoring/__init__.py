"""For machines that watch: a health endpoint and Prometheus metrics. What people look at is in the admin."""
