"""What every feature stands on. Read actor, access, actions, events, outbox, jobs in this order; then pages and api."""
