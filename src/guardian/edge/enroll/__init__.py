"""Enrolment of this edge with its node: keys made here, a one-time token spent, the peer pinned."""
