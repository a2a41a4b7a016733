"""What goes wrong with the embedded servers."""


class EmbeddedError(Exception):
    """A server could not be started. Its text is one line for the person who starts Okno."""
