// Filters and sorting for each table of claims. Without this script a table shows all rows.
document.querySelectorAll(".claims-report").forEach((report) => {
  const table = report.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const shown = element("p", { className: "claims-count" });
  shown.setAttribute("role", "status");
  const search = element("input", { type: "search" });
  const choices = ["verdict", "label", "chapter"].map((name) => {
    const values = [...new Set(rows.map((row) => row.dataset[name]))].sort();
    const options = values.map((value) => element("option", { value }, value.replace(/_/g, " ")));
    const choice = element("select", {}, element("option", { value: "" }, "all"), ...options);
    return { name, choice };
  });
  const titles = { verdict: "Verdict", label: "Made from", chapter: "Chapter" };
  const labelled = (text, control) => element("label", {}, element("span", {}, text), control);

  const update = () => {
    const words = search.value.toLowerCase();
    let count = 0;
    for (const row of rows) {
      const fits = choices.every(({ name, choice }) => !choice.value || row.dataset[name] === choice.value);
      row.hidden = !(fits && row.textContent.toLowerCase().includes(words));
      count += !row.hidden;
    }
    shown.textContent = `${count} of ${rows.length}`;
  };

  const sort = (column, button) => {
    const head = button.parentElement;
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const text = (row) => row.cells[column].textContent;
    const sorted = [...rows].sort((a, b) => text(a).localeCompare(text(b), "en", { numeric: true }));
    body.append(...(up ? sorted : sorted.reverse()));
  };

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => sort(column, button));
    head.replaceChildren(button);
  });
  const controls = choices.map(({ name, choice }) => labelled(titles[name], choice));
  const form = element("div", { className: "claims-filters" }, ...controls, labelled("Words", search));
  form.addEventListener("input", update);
  if (rows.length > 30) report.prepend(form, shown); // a shorter table is read at a glance
  update();
});
