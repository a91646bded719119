"""The inventory of event summaries."""
