"""Plans as people meet them: the public prices, a workspace's plan with what is in use, the bills. Only where the
installation has payments; elsewhere none of it exists."""
