"""``python -m tools.links REPORT.md``: follow the built book's links to other hosts.

Sphinx follows them (its builder *linkcheck*). The report lists those that are dead, each with the
places where it stands; it is written only if there are any, and then the exit status is 1. A host
that turns robots away says nothing about its page, so these links are only counted.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from tools.book import BUILD
from tools.execution import ROOT

_TURNED_AWAY = re.compile(r"\b(401|403|405|406|418|429|451|503|999)\b (Client|Server) Error")


def follow_links() -> list[dict]:
    """Return what Sphinx says of each link: address, place, status and the reason for it.

    The book must have been built, so that no page is executed here.
    """
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    builder = ["--builder", "custom", "--custom-builder", "linkcheck"]  # into its own folder
    command = [jupyter_book, "build", "-q", "--keep-going", *builder, ROOT]
    found = BUILD / "linkcheck" / "output.json"
    found.unlink(missing_ok=True)
    subprocess.run(command)  # dead links are a failure to Sphinx, not here
    links = [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]
    return [link for link in links if link["uri"].startswith("http")]


def sort_links(found: list[dict]) -> tuple[dict[str, list[dict]], int]:
    """Return the dead links by address, and how many others turned us away.

    Parameters
    ----------
    found : list of dict
        As :func:`follow_links` returns it.
    """
    broken = [link for link in found if link["status"] in ("broken", "timeout")]
    away = {link["uri"] for link in broken if _TURNED_AWAY.search(link["info"])}
    dead: dict[str, list[dict]] = {}
    for link in broken:
        if link["uri"] not in away:
            dead.setdefault(link["uri"], []).append(link)
    return dead, len(away)


def write_report(dead: dict[str, list[dict]], away: int) -> str:
    """Return the text of an issue, in Markdown.

    Parameters
    ----------
    dead : dict
        As :func:`sort_links` returns it.
    away : int
        How many links could not be checked.
    """
    lines = ["Found by the weekly link check. Correct each where it stands, or leave it out.", ""]
    for address, links in sorted(dead.items()):
        places = sorted({f"`{link['filename']}` line {link['lineno']}" for link in links})
        lines.append(f"- <{address}> ({links[0]['info']}) in {', '.join(places)}")
    if away:
        lines += [
            "",
            f"{away} other links lead to hosts that turn robots away, and were not judged.",
        ]
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="file that gets the dead links, if there are any")
    report = parser.parse_args().report
    found = follow_links()
    dead, away = sort_links(found)
    print(
        f"{len({link['uri'] for link in found})} links, {len(dead)} dead, {away} not to be judged"
    )
    if dead:
        report.write_text(write_report(dead, away), encoding="utf-8")
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main())
