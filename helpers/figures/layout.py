"""Where the boxes, arrows and numbers of a path diagram go: arithmetic, no drawing.

Lengths are inches, and so are the data units of the axes that
``helpers.figures.path_diagrams`` draws on.
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import lsq_linear

from helpers.figures.style import WIDTH
from helpers.pathmodel.spec import PathModel

EDGE = 0.06  # between the drawing and the border of the picture
HEAD = 0.1  # length of an arrow's head
ROOM = 0.035  # around letters
_BESIDE = (0.12, 0.7)  # least and most between neighbours in a layer
_LANE = 0.16  # what a long arrow takes where it passes a layer
_PORT = 0.17  # between arrows that meet at one side of a box
_GAPS = (0.6, 0.7, 0.85, 1.0, 1.2)  # tried between layers until every number has its place
_MOST_IN_A_ROW = 5
_MOST_ARCS = 3  # covariances that still fit above the first row
_CURVE = 20  # points of a curve from layer to layer


@dataclass(frozen=True)
class Drawing:
    """Where everything goes: boxes as (left, bottom, right, top), curves as points."""

    boxes: dict[str, np.ndarray]
    curves: dict[tuple[str, str], np.ndarray]
    arcs: dict[tuple[str, str], np.ndarray]
    words: str


def arrange(
    model: PathModel,
    outcome: str,
    sizes: dict[str, np.ndarray],
    numbers: dict[tuple[str, str], np.ndarray],
) -> tuple[Drawing, dict[tuple[str, str], np.ndarray]]:
    """Return the drawing and the centre of each number, with gaps as small as numbers allow."""
    loop = _find_loop(model)
    layers = {} if loop else _find_layers(model, outcome)
    tried = []
    for gap in _GAPS:
        if loop:
            drawing = _on_circle(model, loop, sizes, gap)
        else:
            drawing = _in_layers(model, layers, list(numbers), sizes, gap)
        places, trouble = place_numbers(drawing, numbers)
        tried.append((trouble, gap, drawing, places))
        if not trouble:
            break
    return min(tried, key=lambda each: each[:2])[2:]


def height_of(
    drawing: Drawing,
    places: dict[tuple[str, str], np.ndarray],
    numbers: dict[tuple[str, str], np.ndarray],
) -> float:
    """Return the height of the picture, inches."""
    tops = [box[3] for box in drawing.boxes.values()]
    tops += [curve[:, 1].max() for curve in drawing.curves.values()]
    tops += [places[pair][1] + numbers[pair][1] / 2 for pair in places]
    return max(tops) + EDGE


def around(causes: list[str], size: np.ndarray) -> Drawing:
    """Place causes clockwise on an ellipse around TOP, one above the other on either side."""
    right = -(-len(causes) // 2)
    spots = []
    for count, side in ((right, 1), (len(causes) - right, -1)):
        y = side * (size[1] + 0.08) * ((count - 1) / 2 - np.arange(count))
        reach = max(right, 3) * (size[1] + 0.08) / 2
        x = (WIDTH - 2 * EDGE - size[0]) / 2 * np.sqrt(1 - (y / reach) ** 2)
        spots += list(np.stack([WIDTH / 2 + side * x, y], axis=1))
    centres = dict(zip(causes, spots, strict=True)) | {"TOP": np.array([WIDTH / 2, 0.0])}
    sizes = dict.fromkeys(centres, size)
    curves = {}
    for cause in causes:
        inner = np.array([np.sign(WIDTH / 2 - centres[cause][0]) * size[0] / 2, 0])
        curves[cause, "TOP"] = bend((centres[cause] + inner, 0 * size), (centres["TOP"], size), 0)
    return lift(centres, curves, {}, sizes, "on a circle")


def _find_loop(model: PathModel) -> list[str]:
    try:
        TopologicalSorter({to: model.parents(to) for to in model.endogenous}).prepare()
    except CycleError as error:
        return error.args[1][:-1]
    return []


def _find_layers(model: PathModel, outcome: str) -> dict[str, int]:
    """Return the longest chain of arrows that leads to each variable; the outcome comes last."""
    layers = dict.fromkeys(model.exogenous, 0)
    for name in model.endogenous:
        layers[name] = 1 + max(layers[cause] for cause in model.parents(name))
    if outcome in layers and outcome not in {cause for _, cause in model.paths}:
        others = [layer for name, layer in layers.items() if name != outcome]
        layers[outcome] = max(others) + 1
    return layers


def _in_layers(
    model: PathModel,
    layers: dict[str, int],
    joined: list[tuple[str, str]],
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
        asked = {name: [sizes[name][0], 0.12 * len(model.parents(name))] for name in sizes}
        sizes = {name: np.maximum(size, asked[name]) for name, size in sizes.items()}
    chains = {}
    for to, cause in model.paths:
        lanes = [(cause, to, layer) for layer in range(layers[cause] + 1, layers[to])]
        for lane in lanes:
            rows[lane[2]].append(lane)
        chains[cause, to] = [cause, *lanes, to]
    links = [link for chain in chains.values() for link in pairwise(chain)]
    rows = _order(rows, links)
    wide = {name: size[1 if sideways else 0] for name, size in sizes.items()}
    half = {node: wide.get(node, _LANE) / 2 for row in rows for node in row}
    across = _spread(rows, links, half, np.inf if sideways else WIDTH - 2 * EDGE)
    thick = np.array(
        [max(sizes[node][0 if sideways else 1] for node in row if node in sizes) for row in rows]
    )
    if sideways:
        gap = (WIDTH - 2 * EDGE - thick.sum()) / (count - 1)
    middles = thick.cumsum() - thick / 2 + gap * np.arange(count)

    def turn(points: np.ndarray) -> np.ndarray:
        """Turn (across, along) into (x, y), with y upwards."""
        if sideways:
            return np.stack([points[:, 1] + EDGE, -points[:, 0]], axis=1)
        return np.stack([points[:, 0] + WIDTH / 2, -points[:, 1]], axis=1)

    leaving, arriving = _ports(chains, across, wide)
    curves = {}
    for (cause, to), chain in chains.items():
        edges = middles[:, None] + np.outer(thick / 2, [-1, 1])
        knots = [(leaving[cause, to], edges[layers[cause], 1])]
        knots += [(across[lane], edge) for lane in chain[1:-1] for edge in edges[lane[2]]]
        knots.append((arriving[cause, to], edges[layers[to], 0]))
        u, v = np.array(knots).T
        fine = np.linspace(v[0], v[-1], _CURVE * len(chain))
        curves[cause, to] = turn(np.stack([PchipInterpolator(v, u)(fine), fine], axis=1))
    centres = {name: turn(np.array([[across[name], middles[layers[name]]]]))[0] for name in layers}
    arcs = {}
    if not sideways and len(rows[0]) <= _MOST_ARCS:
        arcs = _arcs(joined, rows[0], centres, sizes)
    words = f"in {count} {'columns' if sideways else 'rows'}, causes before effects"
    return lift(centres, curves, arcs, sizes, words)


def _arcs(
    joined: list[tuple[str, str]],
    row: list[str],
    centres: dict[str, np.ndarray],
    sizes: dict[str, np.ndarray],
) -> dict[tuple[str, str], np.ndarray]:
    """Return arcs above the first row that join the variables no arrow points to."""
    arcs = {}
    t = np.linspace(0, 1, 40)[:, None]
    for pair in joined:
        if set(pair) <= set(row):
            ends = sorted(pair, key=row.index)
            inward = np.array([0.1, 0])
            start, end = (
                centres[name] + [0, sizes[name][1] / 2] + side * inward
                for name, side in zip(ends, (1, -1), strict=True)
            )
            rise = 0.25 * (row.index(ends[1]) - row.index(ends[0])) - 0.08
            arcs[pair] = start + t * (end - start) + 4 * t * (1 - t) * [0, rise]
    return arcs


def lift(
    centres: dict[str, np.ndarray],
    curves: dict[tuple[str, str], np.ndarray],
    arcs: dict[tuple[str, str], np.ndarray],
    sizes: dict[str, np.ndarray],
    words: str,
    room: float = EDGE,
) -> Drawing:
    """Move everything so that there is so much room between the lowest point and the border."""
    boxes = {
        name: np.concatenate([centre - sizes[name] / 2, centre + sizes[name] / 2])
        for name, centre in centres.items()
    }
    lowest = min(
        [box[1] for box in boxes.values()] + [curve[:, 1].min() for curve in curves.values()]
    )
    up = np.array([0, room - lowest])
    return Drawing(
        {name: box + np.tile(up, 2) for name, box in boxes.items()},
        {arrow: curve + up for arrow, curve in curves.items()},
        {pair: arc + up for pair, arc in arcs.items()},
        words,
    )


def _order(rows: list[list], links: list[tuple]) -> list[list]:
    """Reduce the crossings of links between layers by sweeps of barycentres.

    References
    ----------
    Sugiyama, Tagawa and Toda (1981), IEEE Transactions on Systems, Man and Cybernetics 11, 109-125.
    """
    best, fewest = rows, _count_crossings(rows, links)
    for sweep in range(12):
        rows = [list(row) for row in rows]
        down = sweep % 2 == 0
        for layer in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {
                node: place for place, node in enumerate(rows[layer - 1 if down else layer + 1])
            }
            place = {}
            for own, node in enumerate(rows[layer]):
                linked = [
                    fixed[other]
                    for link in links
                    for other, same in (link, link[::-1])
                    if same == node and other in fixed
                ]
                place[node] = np.mean(linked) if linked else own
            rows[layer].sort(key=place.get)
        crossings = _count_crossings(rows, links)
        if crossings < fewest:
            best, fewest = rows, crossings
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
    number = {node: i for i, node in enumerate(nodes)}
    places, low = np.zeros((len(nodes), len(nodes))), np.full(len(nodes), -np.inf)
    for row in rows:
        first = number[row[0]]
        for before, node in pairwise(row):
            low[number[node]] = half[before] + half[node] + beside
        places[first : first + len(row), first : first + len(row)] = np.tri(len(row))
    pulls = np.zeros((len(links), len(nodes)))
    for i, (one, other) in enumerate(links):
        weight = (1, 2, 5)[isinstance(one, tuple) + isinstance(other, tuple)]
        pulls[i, [number[one], number[other]]] = weight, -weight
    reach = np.array([half[node] for node in nodes])
    for pull in 10.0 ** np.arange(-2, 4):
        system = np.concatenate([pulls, pull * np.eye(len(nodes))]) @ places
        x = places @ lsq_linear(system, np.zeros(len(system)), (low, np.inf)).x
        left, right = (x - reach).min(), (x + reach).max()
        if right - left <= room:
            break
    return dict(zip(nodes, x - (left + right) / 2, strict=True))


def _ports(chains: dict, across: dict, wide: dict) -> tuple[dict, dict]:
    """Return where each arrow leaves and reaches the side of a box, in the order of its way."""
    found = []
    for end, neighbour in ((0, 1), (-1, -2)):
        ports, boxes = {}, {}
        for arrow, chain in chains.items():
            boxes.setdefault(chain[end], []).append((across[chain[neighbour]], arrow))
        for box, arrows in boxes.items():
            step = min(_PORT, 0.8 * wide[box] / len(arrows))
            for i, (_, arrow) in enumerate(sorted(arrows)):
                ports[arrow] = across[box] + (i - (len(arrows) - 1) / 2) * step
        found.append(ports)
    return found[0], found[1]


def _on_circle(
    model: PathModel, loop: list[str], sizes: dict[str, np.ndarray], gap: float
) -> Drawing:
    """Place the loop clockwise on an ellipse, one other variable in its middle, more beside it."""
    others = [name for name in model.variables if name not in loop]
    ring = loop if len(others) < 2 else loop + others
    middle = np.array([WIDTH / 2, 0])
    radii = np.array([WIDTH / 2 - EDGE - sizes[loop[0]][0] / 2 - 0.1, 0.7 + gap])
    centres = clockwise(ring, middle, radii)
    centres |= {name: middle for name in others if name not in ring}
    follows = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    arrows = [(cause, to) for to, cause in model.paths]
    curves = {}
    for cause, to in arrows:
        bowed = (to, cause) in arrows or follows.get(cause) == to or follows.get(to) == cause
        bows = [0.15 if bowed else 0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45]
        start, end = ((centres[name], sizes[name]) for name in (cause, to))
        foreign = [(centres[name], sizes[name]) for name in centres if name not in (cause, to)]
        options = [bend(start, end, bow) for bow in bows]
        hits = [
            sum(_inside(option, spot, size + 0.08).any() for spot, size in foreign)
            for option in options
        ]
        curves[cause, to] = options[int(np.argmin(hits))]
    return lift(centres, curves, {}, sizes, "on a circle")


def clockwise(names: list[str], middle: np.ndarray, radii: np.ndarray) -> dict[str, np.ndarray]:
    """Return centres at even angles on an ellipse, the first on top."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    spots = middle + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return dict(zip(names, spots, strict=True))


def bend(start: tuple, end: tuple, bow: float) -> np.ndarray:
    """Return a parabola from box to box, bent to the left of its way by a share of its length."""
    along = end[0] - start[0]
    control = (start[0] + end[0]) / 2 + 2 * bow * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, 200)[:, None]
    points = (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * control + t**2 * end[0]
    return points[~(_inside(points, *start) | _inside(points, *end))]


def _inside(points: np.ndarray, centre: np.ndarray, size: np.ndarray) -> np.ndarray:
    return (np.abs(points - centre) < size / 2).all(axis=-1)


# Numbers beside arrows


def place_numbers(
    drawing: Drawing, sizes: dict[tuple[str, str], np.ndarray]
) -> tuple[dict[tuple[str, str], np.ndarray], float]:
    """Put each number on its arrow, clear of boxes, of other numbers and of other arrows.

    Parameters
    ----------
    drawing : Drawing
        Boxes, curves and arcs.
    sizes : dict of numpy.ndarray
        Width and height of each number, by (from, to), inches.

    Returns
    -------
    places : dict of numpy.ndarray
        Centres, inches.
    trouble : float
        0 where all are clear; else how many lines and heads and, a hundredfold, boxes and numbers
        they cover.
    """
    boxes = np.array(list(drawing.boxes.values()))
    lines = {pair: even_out(curve, 0.04) for pair, curve in (drawing.curves | drawing.arcs).items()}
    options, costs, covers = {}, {}, {}
    for pair, spots in lines.items():
        patches = _patches(spots, sizes[pair])
        covers[pair] = 100 * _overlaps(patches[:, None], boxes[None]).sum(axis=1)
        covers[pair] += sum(_hit(patches, lines[other]) for other in lines if other != pair)
        if pair in drawing.curves:
            covers[pair] += _hit(patches, spots[np.linalg.norm(spots - spots[-1], axis=1) < HEAD])
        options[pair] = spots, patches
        costs[pair] = covers[pair] + 0.4 * np.abs(np.linspace(-0.5, 0.5, len(spots)))
    chosen = {}
    for _ in range(4):
        for pair in sorted(options, key=lambda key: (covers[key] == 0).sum()):
            taken = [options[key][1][at] for key, at in chosen.items() if key != pair]
            clash = _overlaps(options[pair][1][:, None], np.array(taken).reshape(1, -1, 4))
            chosen[pair] = int(np.argmin(costs[pair] + 100 * clash.sum(axis=1)))
    places = {pair: options[pair][0][at] for pair, at in chosen.items()}
    final = [options[pair][1][at] for pair, at in chosen.items()]
    clashes = sum(_overlaps(one, other) for one, other in combinations(final, 2))
    return places, 100 * clashes + sum(covers[pair][at] for pair, at in chosen.items())


def even_out(curve: np.ndarray, step: float) -> np.ndarray:
    """Return points of a curve at even distances of about one step."""
    way = np.r_[0, np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()]
    at = np.linspace(0, way[-1], max(3, round(way[-1] / step)))
    return np.stack([np.interp(at, way, axis) for axis in curve.T], axis=1)


def _patches(centres: np.ndarray, size: np.ndarray) -> np.ndarray:
    half = size / 2 + ROOM
    return np.concatenate([centres - half, centres + half], axis=1)


def _hit(patches: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Tell which patches a point lies in."""
    low, high = patches[:, None, :2], patches[:, None, 2:]
    return ((points > low) & (points < high)).all(axis=-1).any(axis=1)


def _overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return ((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])).all(axis=-1)
