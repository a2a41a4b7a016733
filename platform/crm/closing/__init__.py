"""Closing a workspace: saying so, the notice on each of its pages, bringing it back, and the certificate at the end."""
