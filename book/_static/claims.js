// One set of filters for all tables of claims, kept in the address; each table sorts by its heads.
// Without this script a table shows all rows.
const reports = [...document.querySelectorAll(".claims-report")];
const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
const kinds = { claim: "the paper's claims", question: "asked of other data", check: "checks of ours" };
const titles = { kind: "Kind", verdict: "Verdict", label: "Made from", chapter: "Chapter" };

const tables = reports.map((report) => {
  const table = report.querySelector("table");
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) row.dataset.kind = report.dataset.kind;
  const count = element("p", { className: "claims-count" });
  report.prepend(count);
  return { table, rows, count };
});
const all = tables.flatMap(({ rows }) => rows);

const fields = Object.keys(titles).map((name) => {
  const values = [...new Set(all.map((row) => row.dataset[name]))];
  if (name !== "kind") values.sort();
  const say = (value) => kinds[value] ?? value.replace(/_/g, " ");
  const options = values.map((value) => element("option", { value }, say(value)));
  const first = element("option", { value: "" }, "all");
  return { name, control: element("select", {}, first, ...options) };
});
fields.push({ name: "words", control: element("input", { type: "search" }) });
titles.words = "Words";

const show = () => {
  const { words, ...wanted } = Object.fromEntries(fields.map(({ name, control }) => [name, control.value]));
  const fits = (row) =>
    Object.entries(wanted).every(([name, value]) => !value || row.dataset[name] === value) &&
    row.textContent.toLowerCase().includes(words.toLowerCase());
  let found = 0;
  for (const { table, rows, count } of tables) {
    for (const row of rows) row.hidden = !fits(row);
    const left = rows.filter((row) => !row.hidden).length;
    table.hidden = left === 0;
    count.textContent = `${left || "None"} of ${rows.length} shown.`;
    found += left;
  }
  total.textContent = `${found} of ${all.length} rows shown.`;
};

const read = () => {
  const asked = new URLSearchParams(location.search);
  for (const { name, control } of fields) {
    control.value = asked.get(name) ?? "";
    if (control.selectedIndex === -1) control.value = ""; // a value that is not there
  }
  show();
};

const write = (event) => {
  const asked = new URLSearchParams();
  for (const { name, control } of fields) if (control.value) asked.set(name, control.value);
  const query = asked.toString();
  const address = `${location.pathname}${query && `?${query}`}${location.hash}`;
  // a choice is a step that the back button takes back; a letter is none
  const typed = event.target.type === "search";
  history[typed ? "replaceState" : "pushState"](null, "", address);
  show();
};

const total = element("p", { className: "claims-count" });
total.setAttribute("role", "status");
const labels = fields.map(({ name, control }) => element("label", {}, element("span", {}, titles[name]), control));
const clear = element("button", { type: "reset" }, "Show all");
const form = element("form", { className: "claims-filters" }, ...labels, clear);
form.setAttribute("aria-label", "Which claims to show");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", write);
form.addEventListener("reset", (event) => {
  event.preventDefault();
  for (const { control } of fields) control.value = "";
  write(event);
});
document.querySelector("#claims-filters").append(form, total);
addEventListener("popstate", read);
read();

for (const { table, rows } of tables) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const text = (row) => row.cells[column].textContent;
      const sorted = [...rows].sort((a, b) => text(a).localeCompare(text(b), "en", { numeric: true }));
      table.tBodies[0].append(...(up ? sorted : sorted.reverse()));
    });
    head.replaceChildren(button);
  });
}
