"""The one way in which bad input is refused."""

from __future__ import annotations


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
        super().__init__(f"{where}\n  needed: {needed}\n  found:  {found}\n  mend:   {mend}")
        self.where, self.needed, self.found, self.mend = str(where), needed, found, mend
