"""Where the boxes, arrows and numbers of a path diagram go: arithmetic, no drawing.

Lengths are inches, boxes are (left, bottom, right, top), lines are points from cause to effect.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.linalg import block_diag
from scipy.optimize import lsq_linear

from helpers.figures import style
from helpers.pathmodel.spec import PathModel

EDGE = 0.06  # between the drawing and the border of the picture
HEAD = 0.1  # length of an arrow's head
ROOM = 0.035  # around letters
_BESIDE = (0.12, 0.7)  # least and most between neighbours in a layer
_LANE = 0.16  # what a long arrow takes where it passes a layer
_PORT = 0.17  # between arrows that meet at one side of a box
_MOST_IN_A_ROW = 5
_MOST_ARCS = 3  # covariances that still fit above the first row
_BETWEEN = 0.7  # two that cause each other

Key = tuple[str, ...]  # (from, to) of an arrow, (one, "~~", other) of a covariance
Lines = dict[Key, np.ndarray]


@dataclass(frozen=True)
class Drawing:
    """Boxes by name, and lines by their keys: curves are arrows, arcs are covariances."""

    words: str
    boxes: dict[str, np.ndarray]
    curves: Lines
    arcs: Lines = field(default_factory=dict)


def arrange(
    options: Iterable[list[Drawing]], sizes: list[Lines]
) -> tuple[list[Drawing], list[Lines]]:
    """Return the first set of drawings on which all numbers have room, and the box of each number.

    If there is none, it is the one with the least trouble; `sizes` are width and height of numbers.
    """
    tried = []
    for drawings in options:
        numbers, troubles = zip(*map(place_numbers, drawings, sizes), strict=True)
        tried.append((sum(troubles), drawings, list(numbers)))
        if not sum(troubles):
            break
    return min(tried, key=lambda each: each[0])[1:]


def limits(drawings: list[Drawing], numbers: list[Lines]) -> tuple[float, float]:
    """Return the lowest and the highest place of the picture."""
    heights = [
        part[..., 1::2].ravel()
        for drawing, own in zip(drawings, numbers, strict=True)
        for parts in (drawing.boxes, drawing.curves, drawing.arcs, own)
        for part in parts.values()
    ]
    return np.concatenate(heights).min() - EDGE, np.concatenate(heights).max() + EDGE


def has_room(layers: dict[str, int], width: float) -> bool:
    """Return whether boxes of this width stand beside each other in the fullest row."""
    most = max(Counter(layers.values()).values(), default=0)
    room = style.WIDTH - 2 * EDGE
    return most > _MOST_IN_A_ROW or most * (width + _BESIDE[0]) - _BESIDE[0] <= room


def around(causes: list[str], size: np.ndarray, outcome: str = "TOP") -> Drawing:
    """Place causes clockwise on an ellipse around an outcome, in two columns of boxes."""
    right = -(-len(causes) // 2)
    step = size[1] + 0.08
    boxes, curves = {outcome: box_at(np.array([style.WIDTH / 2, 0]), size)}, {}
    for part, side in ((causes[:right], 1), (causes[right:], -1)):
        y = side * step * ((len(part) - 1) / 2 - np.arange(len(part)))
        bulge = np.sqrt(1 - (y / step / max(right, 3) * 2) ** 2)
        reach = (style.WIDTH / 2 - EDGE - size[0] / 2) * bulge
        centres = np.stack([style.WIDTH / 2 + side * reach, y], axis=1)
        boxes |= dict(zip(part, box_at(centres, size), strict=True))
        inner = centres - [side * size[0] / 2, 0]
        for cause, start in zip(part, inner, strict=True):
            curves[cause, outcome] = bend(box_at(start, 0 * size), boxes[outcome], 0)
    return Drawing("on a circle", boxes, curves)


def on_ring(
    ring: list[str],
    others: list[str],
    arrows: list[tuple[str, str]],
    sizes: dict[str, np.ndarray],
    middle: float,
    height: float,
) -> Drawing:
    """Place a ring clockwise on an ellipse, the first on top, and what else there is in its middle.

    Arrows bend outwards between neighbours, and around boxes that stand in their way.
    """
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(ring)) / len(ring)
    radii = middle - 2 * EDGE - sizes[ring[0]][0] / 2, height
    spots = np.array([middle, 0]) + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    centres = dict(zip(ring, spots, strict=True)) | dict.fromkeys(others, np.array([middle, 0]))
    boxes = {name: box_at(centre, sizes[name]) for name, centre in centres.items()}
    after = dict(pairwise([*ring, ring[0]]))
    curves = {}
    for cause, to in arrows:
        ahead = after.get(cause) == to or (to, cause) in arrows
        first = 0.15 if ahead else -0.15 if after.get(to) == cause else 0
        bows = (first, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45)
        options = [bend(boxes[cause], boxes[to], bow) for bow in bows]
        away = [box_at(centres[name], sizes[name] + 0.08) for name in boxes.keys() - {cause, to}]
        hits = [sum(_inside(points, box).any() for box in away) for points in options]
        curves[cause, to] = options[int(np.argmin(hits))]
    return Drawing("on a circle", boxes, curves)


def in_layers(
    model: PathModel,
    layers: dict[str, int],
    covariances: Iterable[Key],
    sizes: dict[str, np.ndarray],
    gap: float,
) -> Drawing:
    """Place variables in rows from top to bottom, or in columns where a row could not hold them.

    An arrow that passes a layer gets a lane of its own there, so that it runs through no box.
    """
    count = max(layers.values()) + 1
    rows = [[name for name in layers if layers[name] == layer] for layer in range(count)]
    sideways = max(map(len, rows)) > _MOST_IN_A_ROW
    if sideways:
        asked = {name: [0, 0.12 * len(model.parents(name))] for name in sizes}
        sizes = {name: np.maximum(size, asked[name]) for name, size in sizes.items()}
    chains: dict = {}
    mutual = [(cause, to) for to, cause in model.paths if layers[cause] == layers[to]]
    for to, cause in model.paths:
        if (cause, to) in mutual:
            continue
        lanes = [(cause, to, layer) for layer in range(layers[cause] + 1, layers[to])]
        for lane in lanes:
            rows[lane[2]].append(lane)
        chains[cause, to] = [cause, *lanes, to]
    links = [link for chain in chains.values() for link in pairwise(chain)]
    rows = _order(rows, links)
    wide = {name: size[int(sideways)] for name, size in sizes.items()}
    half = {node: wide.get(node, _LANE) / 2 for row in rows for node in row}
    half |= {name: half[name] + _BETWEEN / 2 for name, _ in mutual}
    across = _spread(rows, links, half, np.inf if sideways else style.WIDTH - 2 * EDGE)
    thick = np.zeros(count)
    for name, layer in layers.items():
        thick[layer] = max(thick[layer], sizes[name][1 - sideways])
    if sideways:
        gap = (style.WIDTH - 2 * EDGE - thick.sum()) / (count - 1)
    far = thick.cumsum() + gap * np.arange(count)
    near = far - thick

    def turn(across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Return (x, y), with y upwards."""
        x, y = (along + EDGE, -across) if sideways else (across + style.WIDTH / 2, -along)
        return np.stack([x, y], axis=-1)

    middles = {name: turn(across[name], (near + far)[layers[name]] / 2) for name in layers}
    boxes = {name: box_at(middle, sizes[name]) for name, middle in middles.items()}
    curves = {}
    for (cause, to), (leaves, arrives) in _ports(chains, across, wide).items():
        knots = [(leaves, far[layers[cause]])]
        for lane in chains[cause, to][1:-1]:
            knots += [(across[lane], near[lane[2]]), (across[lane], far[lane[2]])]
        u, v = np.array([*knots, (arrives, near[layers[to]])]).T
        fine = np.linspace(v[0], v[-1], 20 * len(knots))
        curves[cause, to] = turn(PchipInterpolator(v, u)(fine), fine)
    curves |= {(one, other): bend(boxes[one], boxes[other], 0.1) for one, other in mutual}
    arcs = {}
    for key in covariances if not sideways else ():
        left, right = sorted(key[::2], key=across.get)
        if {left, right} <= set(rows[0]) and len(rows[0]) <= _MOST_ARCS:
            arcs[key] = bend(boxes[left], boxes[right], 0.25)
        elif (left, right) in mutual:
            arcs[key] = bend(boxes[left], boxes[right], -0.3)
    words = f"in {count} {'columns' if sideways else 'rows'}, causes before effects"
    return Drawing(words, boxes, curves, arcs)


def find_layers(model: PathModel, outcome: str) -> dict[str, int]:
    """Return the longest chain of arrows that leads to each variable; the outcome comes last.

    Two that cause each other share a layer. A larger loop has no layers: nothing is returned.
    """
    mutual = {to: cause for to, cause in model.paths if (cause, to) in model.paths}
    if any(mutual[cause] != to for to, cause in mutual.items()):  # one of them with a third, too
        return {}
    place = {name: min(name, mutual.get(name, name)) for name in model.variables}
    graph: dict[str, set[str]] = {one: set() for one in place.values()}
    for to, cause in model.paths:
        if mutual.get(to) != cause:
            graph[place[to]].add(place[cause])
    layers: dict[str, int] = {}
    try:
        for one in TopologicalSorter(graph).static_order():
            layers[one] = 1 + max((layers[cause] for cause in graph[one]), default=-1)
    except CycleError:
        return {}
    layers = {name: layers[one] for name, one in place.items()}
    if outcome in layers and outcome not in {cause for _, cause in model.paths}:
        layers[outcome] = 1 + max(layer for name, layer in layers.items() if name != outcome)
    return layers


def _order(rows: list[list], links: list[tuple]) -> list[list]:
    """Reduce the crossings of links between layers by sweeps of barycentres.

    Sugiyama, Tagawa and Toda (1981), IEEE Transactions on Systems, Man and Cybernetics 11, 109-125.
    """
    linked = defaultdict(list)
    for one, other in links:
        linked[one].append(other)
        linked[other].append(one)
    best = rows
    for sweep in range(12):
        rows = [list(row) for row in rows]
        for fixed, row in pairwise(rows if sweep % 2 == 0 else rows[::-1]):
            place = {node: at for at, node in enumerate(fixed)}
            centre = {
                node: np.mean([place[other] for other in linked[node] if other in place] or own)
                for own, node in enumerate(row)
            }
            row.sort(key=centre.get)
        best = min(best, rows, key=lambda each: _count_crossings(each, links))
    return best


def _count_crossings(rows: list[list], links: list[tuple]) -> int:
    place = {node: (layer, at) for layer, row in enumerate(rows) for at, node in enumerate(row)}
    ends = [(*place[one], place[other][1]) for one, other in links]
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0 for a, b in combinations(ends, 2))


def _spread(rows: list[list], links: list[tuple], half: dict, room: float) -> dict:
    """Return where in its layer each node stands: near what it is linked with, without overlap.

    Least squares of the differences across links. The unknowns are the first place of each layer
    and the gaps after it, so that room for each node is a bound on an unknown; a pull to the middle
    grows until all fits.
    """
    spare = room - max(sum(2 * half[node] for node in row) for row in rows)
    beside = np.clip(spare / max(map(len, rows)), *_BESIDE) if np.isfinite(room) else _BESIDE[0]
    nodes = [node for row in rows for node in row]
    low = [
        bound
        for row in rows
        for bound in (-np.inf, *(half[one] + half[other] + beside for one, other in pairwise(row)))
    ]
    places = block_diag(*(np.tri(len(row)) for row in rows))
    pulls = np.zeros((len(links), len(nodes)))
    for i, (one, other) in enumerate(links):
        weight = (1, 2, 5)[isinstance(one, tuple) + isinstance(other, tuple)]
        pulls[i, [nodes.index(one), nodes.index(other)]] = weight, -weight
    reach = np.array([half[node] for node in nodes])
    for pull in 10.0 ** np.arange(-2, 4):
        system = np.concatenate([pulls, pull * np.eye(len(nodes))]) @ places
        x = places @ lsq_linear(system, np.zeros(len(system)), (low, np.inf)).x.round(4)
        left, right = (x - reach).min(), (x + reach).max()
        if right - left <= room:
            break
    return dict(zip(nodes, x - (left + right) / 2, strict=True))


def _ports(chains: dict, across: dict, wide: dict) -> dict[tuple[str, str], list[float]]:
    """Return where each arrow leaves and reaches the side of a box, in the order of its way."""
    ports: dict = {arrow: [0.0, 0.0] for arrow in chains}
    for end, neighbour in ((0, 1), (-1, -2)):
        boxes = defaultdict(list)
        for arrow, chain in chains.items():
            boxes[chain[end]].append((across[chain[neighbour]], arrow))
        for box, arrows in boxes.items():
            step = min(_PORT, 0.8 * wide[box] / len(arrows))
            for i, (_, arrow) in enumerate(sorted(arrows)):
                ports[arrow][end] = across[box] + (i - (len(arrows) - 1) / 2) * step
    return ports


def place_numbers(drawing: Drawing, sizes: Lines) -> tuple[Lines, float]:
    """Put each number on its line, clear of boxes, of other numbers and of other lines.

    Return their boxes, and the trouble: how many lines and heads and, a hundredfold, boxes and
    numbers are covered.
    """
    boxes = np.array(list(drawing.boxes.values()))
    lines = {pair: even_out(line, 0.04) for pair, line in (drawing.curves | drawing.arcs).items()}
    options, covers, costs = {}, {}, {}
    for pair, spots in lines.items():
        options[pair] = box_at(spots, sizes[pair] + 2 * ROOM)
        head = spots[np.linalg.norm(spots - spots[-1], axis=1) < HEAD]
        covers[pair] = 100 * _overlap(options[pair][:, None], boxes).sum(axis=1)
        for points in [head, *(lines[other] for other in lines if other != pair)]:
            covers[pair] += _inside(points, options[pair][:, None]).any(axis=1)
        costs[pair] = covers[pair] + 0.4 * np.abs(np.linspace(-0.5, 0.5, len(spots)))
    chosen: Lines = {}
    for pair in 4 * sorted(lines, key=lambda pair: (covers[pair] == 0).sum()):
        taken = np.array([box for other, box in chosen.items() if other != pair]).reshape(-1, 4)
        clashes = _overlap(options[pair][:, None], taken).sum(axis=1)
        chosen[pair] = options[pair][np.argmin(costs[pair] + 100 * clashes)]
    trouble = 100 * sum(_overlap(*both) for both in combinations([*boxes, *chosen.values()], 2))
    for pair, box in chosen.items():
        trouble += covers[pair][(options[pair] == box).all(axis=1)][0]
    return chosen, trouble


def bend(start: np.ndarray, end: np.ndarray, bow: float) -> np.ndarray:
    """Return a parabola from box to box, bent to the left of its way by a share of its length."""
    one, other = (start[:2] + start[2:]) / 2, (end[:2] + end[2:]) / 2
    x, y = other - one
    control = (one + other) / 2 + 2 * bow * np.array([-y, x])
    t = np.linspace(0, 1, 200)[:, None]
    points = (1 - t) ** 2 * one + 2 * t * (1 - t) * control + t**2 * other
    return points[~(_inside(points, start) | _inside(points, end))]


def even_out(line: np.ndarray, step: float) -> np.ndarray:
    """Return points of a line at even distances of about one step."""
    way = np.r_[0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()]
    at = np.linspace(0, way[-1], max(3, round(way[-1] / step)))
    return np.stack([np.interp(at, way, axis) for axis in line.T], axis=1)


def box_at(centre: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return boxes of one size around centres, (..., 2)."""
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def _inside(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    return ((points > box[..., :2]) & (points < box[..., 2:])).all(axis=-1)


def _overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return ((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])).all(axis=-1)
