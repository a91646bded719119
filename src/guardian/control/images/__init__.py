"""Images for Mini PCs: generic ones of the operator's, handed out with a tenant's seed spliced in."""
