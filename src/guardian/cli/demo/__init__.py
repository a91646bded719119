"""`guardian demo`: all three tiers on one machine, as ordinary processes of an ordinary user."""
