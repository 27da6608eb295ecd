// The loop explorer on the page: sliders and numbers in, measures, a chart and tables out.
(() => {
  "use strict";
  const place = document.querySelector('[data-widget="loop-explorer"]');
  if (!place) return;
  const { measure, respond, limit, errors, correlate, twin } = globalThis.loopExplorer;
  const { element, svg, show, table, fill } = globalThis.widgets;
  const { coefficients: printed, variables } = JSON.parse(place.dataset.start);
  const LARGEST = 2.5;
  const ROUNDS = 6;
  const SHOWN_ROUNDS = [1, 2, 3, ROUNDS];
  const CHART = { width: 300, height: 200, left: 34, right: 292, top: 10, bottom: 158 };
  const [MOST, LEAST] = [8, -8]; // of the chart, in standard deviations

  const size = variables.length;
  const arrows = variables.map((from, i) => `${from} → ${variables[(i + 1) % size]}`);
  const symbols = variables.map((_, i) => `b${"₁₂₃₄₅₆₇₈₉"[i]}`);

  const control = (i) => {
    const range = { min: -LARGEST, max: LARGEST, step: 0.01, value: printed[i] };
    const name = `${symbols[i]}, ${arrows[i]}`;
    const number = element("input", { type: "number", ...range, "aria-label": name });
    const about = { ...range, "aria-label": `${name}, slider` };
    const slider = element("input", { type: "range", ...about });
    slider.addEventListener("input", () => (number.value = slider.value));
    number.addEventListener("input", () => number.value && (slider.value = number.value));
    const label = element("span", {}, `${symbols[i]} ${arrows[i]}`);
    const row = element("div", { class: "widget-slider" }, label, slider, number);
    return { number, slider, row };
  };
  const controls = variables.map((_, i) => control(i));
  const pushed = element("select", {}, ...variables.map((name) => element("option", {}, name)));
  const reset = element("button", { type: "button" }, "Back to the printed coefficients");
  const status = element("p", { role: "status" });
  const results = element("div", { class: "widget-results" });
  const form = element(
    "form",
    {},
    element("fieldset", {}, element("legend", {}, "Coefficients"), ...controls.map((c) => c.row)),
    element("p", {}, element("label", {}, "Push ", pushed), " ", reset),
  );

  const read = () =>
    controls.map(({ number }) => {
      const valid = number.value !== "" && Math.abs(number.valueAsNumber) <= LARGEST;
      number.setAttribute("aria-invalid", String(!valid));
      return valid ? number.valueAsNumber : NaN;
    });

  const tell = (b, at) => {
    const { gain, amplification, course } = measure(b);
    const kept = errors(b) !== null;
    const becomes = course === "settles" ? `becomes ${show(amplification)} there` : "";
    const runs = {
      settles: `The loop settles: a lasting push of 1 on ${variables[at]} ${becomes}.`,
      edge:
        gain > 0
          ? "The loop does not settle: every round adds as much as the one before."
          : "The loop does not settle: every round takes back what the one before gave.",
      grows:
        gain > 0
          ? "The loop does not settle: every round adds more than the one before."
          : "The loop does not settle: it swings more widely with every round.",
    }[course];
    if (course === "edge") return runs;
    if (!kept)
      return (
        `${runs} But these cannot be standardized coefficients: no error variances above 0 give ` +
        "every variable the variance 1. So no correlations follow, and there is no twin."
      );
    if (course !== "settles") return `${runs} Its twin settles, and has the same correlations.`;
    if (gain === 0) return `${runs} An arrow of 0 opens the circle: nothing comes back, no twin.`;
    return `${runs} Its twin, with the same correlations, does not settle.`;
  };

  const ticks = (low, high) => {
    const step = [0.1, 0.2, 0.5, 1, 2, 5].find((each) => (high - low) / each <= 6);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
  };

  const draw = (b, at, states) => {
    const line = states.map((state) => state[at]);
    const { course, amplification } = measure(b);
    const ends = course === "settles" ? [amplification] : [];
    const low = Math.max(Math.min(0, ...line, ...ends), LEAST);
    const high = Math.min(Math.max(1, ...line, ...ends), MOST);
    const spare = 0.05 * (high - low);
    const [bottom, top] = [low < 0 ? low - spare : low, high + spare];
    const x = (step) => CHART.left + ((CHART.right - CHART.left) * step) / line.length;
    const y = (value) =>
      CHART.bottom - ((CHART.bottom - CHART.top) * (value - bottom)) / (top - bottom);
    const across = { x1: CHART.left, x2: CHART.right };
    const held = (value) => Math.min(Math.max(value, bottom - 1), top + 1);
    const path = line.map((value, k) => `${k ? "V" : `M${x(0)} `}${y(held(value))}H${x(k + 1)}`);
    const out = line.some((value) => value < bottom || value > top);
    const inside = ends.filter((end) => end >= bottom && end <= top);
    const after = `${show(line.at(-1))} after ${ROUNDS} rounds`;
    const said = ends.length ? `it tends to ${show(ends[0])}` : "it has no limit";
    const label =
      `Response of ${variables[at]} to a lasting push of one standard deviation, step by step: ` +
      `${after}; ${said}.${out ? " The line leaves the chart." : ""}`;
    const box = { role: "img", "aria-label": label, viewBox: `0 0 ${CHART.width} ${CHART.height}` };
    const clip = { x: CHART.left, y: CHART.top - 2, width: CHART.right - CHART.left };
    const middle = { x: (CHART.left + CHART.right) / 2, "text-anchor": "middle" };
    return element(
      "figure",
      { class: "widget-chart" },
      svg(
        "svg",
        box,
        svg("clipPath", { id: "loop-explorer-inside" },
          svg("rect", { ...clip, height: CHART.bottom - CHART.top + 4 })),
        ...ticks(bottom, top).flatMap((value) => [
          svg("line", { ...across, y1: y(value), y2: y(value), class: "grid" }),
          svg("text", { x: CHART.left - 6, y: y(value) + 4, "text-anchor": "end" }, show(value, 1)),
        ]),
        ...Array.from({ length: ROUNDS + 1 }, (_, round) =>
          svg("text", { x: x(round * size), y: CHART.bottom + 17, "text-anchor": "middle" }, round),
        ),
        svg("text", { ...middle, y: CHART.height - 6 }, "rounds of the loop"),
        ...inside.map((end) => svg("line", { ...across, y1: y(end), y2: y(end), class: "limit" })),
        svg("path", { d: path.join(""), class: "line", "clip-path": "url(#loop-explorer-inside)" }),
      ),
      element(
        "figcaption",
        {},
        `Response of ${variables[at]}, in standard deviations, step by step. ` +
          (inside.length ? "Dashed: what it tends to. " : "") +
          (ends.length && !inside.length ? `It tends to ${show(ends[0])}, above the chart. ` : "") +
          (ends.length ? "" : "It has no limit. ") +
          (out ? `The line leaves the chart: ${after}.` : ""),
      ),
    );
  };

  const tables = (b, at, states) => {
    const { gain, index, course } = measure(b);
    const other = twin(b);
    const correlations = correlate(b);
    const ends = limit(b, at);
    const settles = course === "settles";
    const measures = [
      ["gain g", show(gain), other ? show(measure(other).gain) : "none"],
      ["stability index", show(index), other ? show(measure(other).index) : "none"],
      ["amplification", ...[b, other].map((each) => {
        if (!each) return "none";
        return measure(each).course === "settles" ? show(measure(each).amplification) : "no end";
      })],
    ];
    const pairs = arrows.map((arrow, i) => [
      `${symbols[i]} ${arrow}`,
      show(b[i]),
      other ? show(other[i]) : "none",
      correlations ? show(correlations[i][(i + 1) % size]) : "none",
    ]);
    const steps = variables.map((name, i) => [
      name,
      ...SHOWN_ROUNDS.map((round) => show(states[round * size][i])),
      settles ? show(ends[i]) : "no end",
    ]);
    return [
      table("What the loop does", ["", "this loop", "its twin"], measures),
      draw(b, at, states),
      table(
        `Response to a push on ${variables[at]}, after so many rounds (standard deviations)`,
        ["", ...SHOWN_ROUNDS.map(String), "end"],
        steps,
      ),
      table(
        "Coefficients, and the correlation r of neighbours that both loops imply",
        ["arrow", "this loop", "its twin", "r"],
        pairs,
      ),
    ];
  };

  const update = () => {
    const b = read();
    const wrong = b.findIndex(Number.isNaN);
    const at = pushed.selectedIndex;
    results.replaceChildren(); // no results of an earlier input stay
    status.textContent =
      wrong < 0
        ? tell(b, at)
        : `${symbols[wrong]}, ${arrows[wrong]}: type a number from −${LARGEST} to ${LARGEST}.`;
    results.replaceChildren(...(wrong < 0 ? tables(b, at, respond(b, at, ROUNDS * size)) : []));
  };

  reset.addEventListener("click", () => {
    controls.forEach(({ number, slider }, i) => (number.value = slider.value = printed[i]));
    update();
  });
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  fill(place, "Loop explorer", form, status, results);
  update();
})();
