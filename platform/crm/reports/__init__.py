"""Reports: what the records say together, each number a link to the list of just its records."""
