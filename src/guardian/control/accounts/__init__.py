"""Who may come in: users, their identities at issuers, local passwords, sessions."""
