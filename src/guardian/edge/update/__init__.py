"""`guardian-update`: new systems from the node, fetched, judged, and handed over to what writes them."""
