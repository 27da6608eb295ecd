// A link for a class, made from a form: nbgitpuller then copies the book to a student's place on a
// JupyterHub, and opens a chapter there. Nothing is sent anywhere.
(() => {
  "use strict";
  const place = document.querySelector('[data-widget="hub-link"]');
  if (!place) return;
  const { element } = globalThis.widgets;
  const make = ({ hub, repository, branch, chapter }) => {
    const { origin, pathname } = new URL(hub);
    const base = origin + pathname.replace(/\/((hub|user)(\/.*)?)?$/, ""); // as copied from a browser
    const repo = repository.replace(/\/*$/, "").replace(/\.git$/, "");
    const folder = repo.split("/").pop();
    const urlpath = `lab/tree/${folder}/book/notebooks/${chapter}.ipynb`;
    return `${base}/hub/user-redirect/git-pull?${new URLSearchParams({ repo, branch, urlpath })}`;
  };

  const address = { type: "url", required: "", pattern: "https?://.+", placeholder: "https://" };
  const chapters = [...document.querySelectorAll('td:first-child a[href*="notebooks/"]')].map((link) =>
    element("option", { value: link.pathname.match(/(\w+)\.html$/)[1] }, link.closest("td").textContent));
  const fields = {
    hub: ["Address of the hub", element("input", address)],
    repository: ["Address of the book's repository", element("input", address)],
    branch: ["Branch", element("input", { value: "main", required: "" })],
    chapter: ["Chapter", element("select", {}, ...chapters)],
  };
  const link = element("input", { readonly: "" });
  const status = element("p", { role: "status" });
  const label = ([name, control]) => element("label", {}, element("span", {}, name), control);
  const lines = [...Object.values(fields).map(label), status, label(["Link for your students", link])];
  const form = element("form", { class: "widget-fields" }, ...lines);
  const show = () => {
    const given = Object.entries(fields).map(([name, [, control]]) => [name, control.value.trim()]);
    const works = form.checkValidity();
    link.value = works ? make(Object.fromEntries(given)) : "";
    status.textContent = works
      ? "The link is below. Try it yourself before you hand it out."
      : "Both addresses are needed, each with https:// at its beginning, and a branch.";
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  link.addEventListener("focus", () => link.select());
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", "A link that opens a chapter on a hub");
  place.replaceChildren(form);
  place.classList.add("widget-works");
  show();
})();
