"""Faults in the grids of ``make sweep``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.faults import Case
from tools.sweep import Job, read_grid

GRID = "mine.yml"


def read(content: str | bytes, name: str = GRID) -> Callable[[Path], object]:
    """Write a grid into the case's folder, and read it."""

    def write_and_read(folder: Path) -> object:
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
        return read_grid(folder / name)

    return write_and_read


def entry(parameters: str, notebooks: str = "[8]") -> str:
    return f"about: x\nruns:\n  - notebooks: {notebooks}\n    parameters: {{{parameters}}}\n"


def refuse(fault: str, content: str | bytes, *words: str) -> Case:
    return Case(fault, read(content), (GRID, *words))


def refuse_value(fault: str, parameters: str, *words: str) -> Case:
    return Case(fault, read(entry(parameters)), words)


def means(fault: str, content: str | bytes, expected: list[dict], answer: str) -> Case:
    def handled(jobs: list[Job]) -> None:
        assert [job.parameters for job in jobs] == expected
        assert {job.notebook.stem for job in jobs} == {"08_climatic_sem"}

    return Case(fault, read(content), handled=handled, answer=answer)


def _folder(folder: Path) -> object:
    (folder / GRID).mkdir()
    return read_grid(folder / GRID)


BOMB = "\n".join(
    ["a0: &a0 [1, 1]", *(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}, *a{k - 1}]" for k in range(1, 11))]
)
CROSSED = ", ".join(
    f"{name}: [{', '.join(f'0.{k:03}' for k in range(1, 101))}]" for name in ("alpha", "confidence")
)

CASES: list[Case] = [
    # the file
    Case("No such file", lambda folder: read_grid(folder / GRID), (GRID, "No such file")),
    Case("A folder", _folder, (GRID, "Is a directory")),
    Case("NUL in the name", lambda folder: read_grid(folder / "a\0b"), (r"a\x00b", "null byte")),
    refuse("An empty file", b"", "'about', and 'runs'"),
    refuse("Random bytes", bytes(range(128, 256)), "a YAML file"),
    refuse("Another encoding than UTF-8", "about: Größe\nruns: []".encode("latin-1"), "utf-8"),
    refuse("The character NUL", "about: x\0\nruns: []", "#x0000"),
    means(
        "Lines that end as Windows ends them",
        entry("seed: 3").replace("\n", "\r\n"),
        [{"seed": 3}],
        "The same grid.",
    ),
    means(
        "A mark of the byte order",
        b"\xef\xbb\xbf" + entry("seed: 3").encode(),
        [{"seed": 3}],
        "The same grid.",
    ),
    # YAML
    refuse("A bracket that is not closed", "[1, 2", "a YAML file"),
    refuse("A tab for the indentation", "about: x\nruns:\n\t- 1", "cannot start any token"),
    refuse("Two documents", "about: x\n---\nruns: []", "document"),
    refuse("100 000 brackets", "[" * 10**5, "lists within lists"),
    refuse("Aliases of aliases, ten levels deep", BOMB, "an alias (*name)"),
    refuse("A list that holds itself", "about: &a [*a]\nruns: []", "an alias (*name)"),
    refuse("A mapping that is merged in", "about: x\n<<: {runs: []}", "'about', and 'runs'"),
    refuse(
        "A tag that would run a command",
        "about: !!python/object/apply:os.system ['touch ran']\nruns: []",
        "tag:yaml.org,2002:python/object/apply:os.system",
    ),
    refuse("A tag of YAML's own", "about: !!timestamp x\nruns: []", "tag:yaml.org,2002:timestamp"),
    refuse("A name twice", "about: x\nabout: y\nruns: []", "'about' stands here twice"),
    refuse("A parameter twice", entry("seed: 1, seed: 2"), "'seed' stands here twice"),
    refuse("A list for a name", "about: x\n? [a]\n: y", "unhashable key"),
    # the grid
    refuse("Nothing but a comment", "# a grid", "'about', and 'runs'"),
    refuse("A list for the whole", "- a\n- b", "'about', and 'runs'"),
    refuse("No runs", "about: x", "'runs': a list of entries"),
    refuse("A number for the runs", "about: x\nruns: 3", "'runs': a list of entries"),
    refuse("An empty list of runs", "about: x\nruns: []", "one run or more"),
    refuse("A list in the list of runs", "about: x\nruns: [[1]]", "'runs': a list of entries"),
    refuse("A notebook that is no list", entry("", "07_path_models"), "(a list)"),
    refuse("An empty list of notebooks", entry("seed: 1", "[]"), "one run or more"),
    refuse(
        "'parameter' for 'parameters'",
        "about: x\nruns: [{notebooks: [7], parameter: {}}]",
        "'parameters'",
    ),
    refuse(
        "A list of parameters",
        "about: x\nruns: [{notebooks: [7], parameters: [seed]}]",
        "'parameters' (values",
    ),
    refuse("An empty list of values", entry("alpha: []"), "one run or more"),
    refuse(
        "More runs than anyone can make",
        entry(CROSSED, "[8, 9]"),
        "at most 10,000 runs",
        "20,000",
    ),
    Case("An unknown notebook", read(entry("", "[77_none]")), ("notebook", "'77_none'")),
    Case("A path for a notebook", read(entry("", "[../../x]")), ("notebook", "'../../x'")),
    Case("Nothing for a notebook", read(entry("", "[~]")), ("notebook", "'~'")),
    # values
    refuse_value("An unknown parameter", "alfa: 1", "parameter 'alfa'", "did you mean alpha?"),
    refuse_value(
        "One bad value among good ones",
        "confidence: [0.9, 2]",
        "parameter 'confidence'",
        "between 0 and 1",
    ),
    refuse_value("Nothing for a value", "alpha: null", "parameter 'alpha'", "found:  'null'"),
    refuse_value("A text for a number", "seed: many", "parameter 'seed'", "'many'"),
    refuse_value("A list in a list of values", "seed: [[1]]", "parameter 'seed'", "['1']"),
    refuse_value("A mapping for a value", "seed: {a: 1}", "parameter 'seed'", "{'a': '1'}"),
    refuse_value("YAML's nan", "alpha: .nan", "parameter 'alpha'", "'.nan'"),
    refuse_value("YAML's infinity", "alpha: .inf", "parameter 'alpha'", "'.inf'"),
    refuse_value("A date", "seed: 2020-01-01", "parameter 'seed'", "'2020-01-01'"),
    refuse_value("A date that is none", "seed: 2020-13-45", "parameter 'seed'", "'2020-13-45'"),
    refuse_value("A time, which YAML takes for 90", "seed: 1:30", "parameter 'seed'", "'1:30'"),
    refuse_value("A hexadecimal number", "seed: 0x10", "parameter 'seed'", "'0x10'"),
    refuse_value("A number with an underscore", "seed: 1_000", "parameter 'seed'", "'1_000'"),
    refuse_value("A number of 100 000 digits", f"seed: {'7' * 10**5}", "'seed'", "100,002"),
    refuse_value(
        "on for a word, which YAML takes for True", "exogenous: on", "'exogenous'", "'on'"
    ),
    Case(
        "yes for True",
        read(entry("fdr: yes", "[4]")),
        ("parameter 'fdr'", "True or False", "'yes'"),
    ),
    means(
        "Zeros before a number, which YAML takes for octal",
        entry("seed: 010"),
        [{"seed": 10}],
        "10, as it is written.",
    ),
    means("1e-3, which YAML takes for a text", entry("alpha: 1e-3"), [{"alpha": 0.001}], "0.001."),
    means("A number in quotes", entry("seed: '7'"), [{"seed": 7}], "7."),
    means("The same value twice", entry("seed: [3, 3]"), [{"seed": 3}], "One run."),
]
