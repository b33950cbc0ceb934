"""Who may ask: `authority` issues and checks tokens, `certificates` makes TLS trusted."""
