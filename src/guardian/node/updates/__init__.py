"""Systems and releases for edges that this node hands on: which there are, and which edge is offered which."""
