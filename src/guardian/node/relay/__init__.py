"""HTTP for browsers: a ticket and a member's signature open a session, sealed bytes go out by range."""
