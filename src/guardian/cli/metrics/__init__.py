"""`guardian-metrics`: the host's daemons on one page that Prometheus can read."""
