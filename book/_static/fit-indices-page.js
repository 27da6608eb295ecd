// N from fit indices on the page: printed indices in, the samples that could have printed them out.
(() => {
  "use strict";
  const place = document.querySelector('[data-widget="fit-indices"]');
  if (!place) return;
  const { refuse, impliedSample, surviveChi2 } = globalThis.fitIndices;
  const { element, show, table, fill } = globalThis.widgets;
  const printed = JSON.parse(place.dataset.start);
  const FIELDS = [
    ["chi2_df", "χ²/df", 0.001],
    ["rmsea", "RMSEA", 0.001],
    ["rmr", "RMR", 0.001],
    ["cfi", "CFI", 0.001],
    ["gfi", "GFI", 0.001],
    ["nfi", "NFI", 0.001],
    ["variables", "variables", 1],
    ["digits", "decimals", 1],
    ["paths", "arrows", 1],
  ];
  const COLUMNS = [
    "df",
    "N (AMOS)",
    "N (lavaan)",
    "χ²",
    "p",
    "F",
    "χ² of the baseline",
  ];

  const fields = FIELDS.map(([name, label, step]) => {
    const input = element("input", { type: "number", step, value: printed[name], name });
    return { name, input, label: element("label", {}, element("span", {}, label), input) };
  });
  const reset = element("button", { type: "button" }, "Back to the numbers of Fig. 4c");
  const status = element("p", { role: "status" });
  const results = element("div", { class: "widget-results" });
  const form = element(
    "form",
    {},
    element(
      "fieldset",
      { class: "widget-fields" },
      element("legend", {}, "As printed; empty where not printed"),
      ...fields.map(({ label }) => label),
    ),
    element("p", {}, reset),
  );

  const number = (input) => {
    if (input.validity.badInput) return NaN;
    return input.value === "" ? null : input.valueAsNumber;
  };
  const read = () => Object.fromEntries(fields.map(({ name, input }) => [name, number(input)]));

  const span = (low, high) => (low === high ? `${low}` : `${low} to ${high}`);
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  const ends = (rows, key) => [
    least(rows.map((row) => row[key][0])),
    most(rows.map((row) => row[key][1])),
  ];
  const range = (rows, key) => {
    if (rows[0][key] === null) return "not bounded";
    const [low, high] = ends(rows, key);
    return high === Infinity ? `${show(low)} or more` : span(show(low), show(high));
  };
  const chance = (p) => (p < 0.0005 ? "< 0.001" : show(p));
  const chances = (rows) => {
    const [low, high] = ends(rows, "chi2");
    return span(chance(surviveChi2(high, rows[0].df)), chance(surviveChi2(low, rows[0].df)));
  };
  const count = (rows) => `${rows.length} ${rows.length === 1 ? "pair" : "pairs"} (N, df)`;
  const extent = (numbers) => span(least(numbers), most(numbers));

  const tell = (rows) => {
    if (!rows.length)
      return (
        "No sample could have printed these indices: they contradict each other, or follow " +
        "another formula."
      );
    const [n, df] = ["n", "df"].map((key) => extent(rows.map((row) => row[key])));
    return (
      `${count(rows)} could have printed these indices: N = ${n}, df = ${df}` +
      (rows.length === 1 ? `; χ² = ${range(rows, "chi2")} with ${df} df.` : ".")
    );
  };

  // What each index rules out, by leaving out those that come after it.
  const share = (numbers) => {
    const alone = { ...numbers, gfi: null, nfi: null, cfi: null };
    const steps = [["χ²/df and RMSEA alone leave", alone]];
    if (numbers.gfi !== null) steps.push(["with GFI", { ...alone, gfi: numbers.gfi }]);
    if (numbers.nfi !== null || numbers.cfi !== null) {
      const names = ["nfi", "cfi"].filter((name) => numbers[name] !== null);
      steps.push([`with ${names.map((name) => name.toUpperCase()).join(" and ")}`, numbers]);
    }
    const said = steps.map(([words, each]) => `${words}: ${count(impliedSample(each))}`);
    const units =
      numbers.rmr === null
        ? ""
        : " RMR rules out none: it is in squared units of the data, which no index tells.";
    return element("p", {}, `${said.join("; ")}.${units}`);
  };

  const byDf = (rows, paths) => {
    const groups = new Map();
    for (const row of rows) {
      if (!groups.has(row.df)) groups.set(row.df, []);
      groups.get(row.df).push(row);
    }
    const lines = [...groups].sort(([a], [b]) => a - b).map(([df, group]) => [
      `${df}`,
      extent(group.map(({ n }) => n)),
      extent(group.map(({ n }) => n - 1)),
      range(group, "chi2"),
      chances(group),
      range(group, "F"),
      range(group, "baseline"),
      ...(paths === null ? [] : [group[0].drawn ? "yes" : "no"]),
    ]);
    const columns = paths === null ? COLUMNS : [...COLUMNS, "left by the arrows"];
    return table("Degrees of freedom, and the rows that go with each", columns, lines);
  };

  const explain = () =>
    element(
      "p",
      {},
      "AMOS multiplies F by N − 1 (one group, its default), lavaan by N, unless it is told to use " +
        "the Wishart likelihood; all else is the same. The sentences count with N − 1. p supposes " +
        "rows that are independent draws of normal variables.",
    );

  const update = () => {
    status.textContent = "";
    results.replaceChildren(); // whatever comes, no result of another input stays
    const numbers = read();
    const message = refuse(numbers);
    if (message) {
      status.textContent = message;
      return;
    }
    const rows = impliedSample(numbers);
    const found = rows.length ? [byDf(rows, numbers.paths), explain()] : [];
    results.replaceChildren(...found, share(numbers));
    status.textContent = tell(rows);
  };

  reset.addEventListener("click", () => {
    for (const { name, input } of fields) input.value = printed[name];
    update();
  });
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  fill(place, "N from fit indices", form, status, results);
  update();
})();
