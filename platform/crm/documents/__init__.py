"""Documents: the letterhead of the business, and papers typeset as PDF."""
