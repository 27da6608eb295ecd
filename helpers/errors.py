"""The one way in which bad input is refused."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

_LONGEST = 600


class InputError(ValueError):
    """Input that cannot be used, said so that a newcomer can mend it.

    Parameters
    ----------
    where : str
        The file, folder or table at fault, with the variable or column if there is one.
    needed, found, mend : str
        What should have been there, what was there, and what to do now.
    """

    def __init__(self, where: object, *, needed: str, found: str, mend: str) -> None:
        where, found = _printable(str(where)), _printable(found)
        super().__init__(f"{where}\n  needed: {needed}\n  found:  {found}\n  mend:   {mend}")
        self.where, self.needed, self.found, self.mend = where, needed, found, mend

    def __reduce__(self) -> tuple:
        """Let it travel from a worker of a cluster."""
        words = {"needed": self.needed, "found": self.found, "mend": self.mend}
        return partial(type(self), **words), (self.where,)


def _printable(text: str) -> str:
    """Leave out what moves a terminal's cursor, and the middle of a long text."""
    if len(text) > _LONGEST:
        left_out = f" ... ({len(text):,} characters) ... "
        text = text[: _LONGEST // 3] + left_out + text[-_LONGEST // 6 :]
    return "".join(
        letter if letter.isprintable() or letter in "\n\u00a0" else repr(letter)[1:-1]
        for letter in text
    )


def list_some(names: Iterable[object], most: int = 50) -> str:
    """Return names with commas between them: the first ones, and how many others there are.

    Parameters
    ----------
    names, most : iterable, int
        What was found, and how many are shown.
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(show(str(name), 40, quote=False) for name in names[:most]) + more


def show(text: str, most: int = 60, quote: bool = True) -> str:
    """Return the beginning of a text from a user's file on one line.

    Parameters
    ----------
    text, most, quote : str, int, bool
        Of any letters, how many of them to show, and whether with quotation marks.
    """
    start = repr(text[:most])
    start = start if quote else start[1:-1]
    return start if len(text) <= most else f"{start} and {len(text) - most} letters more"
