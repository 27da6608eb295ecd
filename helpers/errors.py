"""The one way in which bad input is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

_LONGEST = 600


class InputError(ValueError):
    """Input that cannot be used, said so that a newcomer can mend it.

    Parameters
    ----------
    where : str
        The file, folder or table at fault, with the variable or column if there is one.
    needed, found, mend : str
        What should have been there, what was there, and what to do now.
    others : sequence of InputError
        Further faults of the same input, told in the same message.
    """

    def __init__(
        self, where: object, *, needed: str, found: str, mend: str, others: Sequence = ()
    ) -> None:
        where, found = _printable(str(where)), _printable(found)
        own = f"{where}\n  needed: {needed}\n  found:  {found}\n  mend:   {mend}"
        super().__init__("\n".join([own, *map(str, others)]))
        self.where, self.needed, self.found, self.mend = where, needed, found, mend
        self.others = tuple(others)

    def __reduce__(self) -> tuple:
        """Let it travel from a worker of a cluster."""
        words = {name: getattr(self, name) for name in ("needed", "found", "mend", "others")}
        return partial(type(self), **words), (self.where,)


class Faults(list[InputError]):
    """Faults of one input, gathered to be refused together.

    Examples
    --------
    >>> faults = Faults()
    >>> for month in ("may.nc", "june.nc"):
    ...     with faults.gather():
    ...         raise InputError(f"{month}: TF", needed="a unit", found="none", mend="add it")
    >>> faults.refuse()
    Traceback (most recent call last):
    helpers.errors.InputError: may.nc: TF, and in june.nc
      needed: a unit
      found:  none
      mend:   add it
    """

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Keep the refusal of a block, and go on after it."""
        try:
            yield
        except InputError as fault:
            self += [fault, *fault.others]

    def refuse(self) -> None:
        """Raise what was gathered, if anything: what files share once, named at the first."""
        alike: dict[tuple[str, ...], list[InputError]] = {}
        for fault in self:
            place = fault.where.partition(": ")[2]
            alike.setdefault((place, fault.needed, fault.mend), []).append(fault)
        others: list[InputError] = []
        for first, *more in reversed(alike.values()):
            names = [Path(each.where.partition(": ")[0]).name for each in more]
            where = f"{first.where}, and in {list_some(names, 12, 120)}" if names else first.where
            told = [*dict.fromkeys(each.found for each in (first, *more))]
            found = "; ".join(told[:3]) + f"; and {len(told) - 3} more" * (len(told) > 3)
            words = {"needed": first.needed, "found": found, "mend": first.mend}
            last = len(others) + 1 == len(alike)
            others = [InputError(where, **words, others=others if last else ()), *others]
        if others:
            raise others[0]


def _printable(text: str) -> str:
    """Leave out what moves a terminal's cursor, and the middle of a long text."""
    if len(text) > _LONGEST:
        left_out = f" ... ({len(text):,} characters) ... "
        text = text[: _LONGEST // 3] + left_out + text[-_LONGEST // 6 :]
    return "".join(
        letter if letter.isprintable() or letter in "\n\u00a0" else repr(letter)[1:-1]
        for letter in text
    )


def list_some(names: Iterable[object], most: int = 50, letters: int = 40) -> str:
    """Return names with commas between them: the first ones, and how many others there are.

    Parameters
    ----------
    names, most, letters : iterable, int, int
        What was found, how many are shown, and how many letters of each.
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(show(str(name), letters, quote=False) for name in names[:most]) + more


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
