"""What every feature stands on. Read in this order: actor, access, actions, events, outbox, jobs; then the kits, pages and api."""
