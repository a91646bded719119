"""Words that came from elsewhere, on their way to a terminal, a log or a screen."""


def plain(text: str) -> str:
    """One line that can move no cursor: what is not printable is a space."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
