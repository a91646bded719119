"""`guardian-update`: new systems or releases from the node, fetched, judged, and handed over to what writes them."""
