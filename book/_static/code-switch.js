// How much code a chapter shows: none, the analysis, or all that the page has. The choice is kept on
// this device. Without this script, and on paper, a page is as it was built: the analysis.
(() => {
  "use strict";
  const shown = document.querySelectorAll(".cell > .cell_input");
  const folded = document.querySelectorAll(".cell:not(.tag_solution) > details.hide");
  const header = document.querySelector(".article-header-buttons");
  if (!header || !(shown.length || folded.length)) return;
  const { element } = globalThis.widgets;
  const STATES = {
    none: "No code",
    analysis: "The analysis",
    all: "All code of this page",
  };
  const root = document.documentElement;

  // Where nothing is to be shown, each piece of code still opens by itself.
  for (const input of shown) {
    const button = element("button", { type: "button", class: "code-fold" }, "Code");
    const open = (is) => button.setAttribute("aria-expanded", String(is));
    button.addEventListener("click", () => open(button.getAttribute("aria-expanded") === "false"));
    open(false);
    input.before(button);
  }

  const items = Object.entries(STATES).map(([state, name]) => {
    const item = element("button", { type: "button", class: "btn btn-sm dropdown-item" }, name);
    item.addEventListener("click", () => turn(state));
    return [state, item];
  });
  const turn = (state) => {
    if (root.dataset.code !== state)
      for (const details of folded) details.open = state === "all";
    root.dataset.code = state;
    for (const [name, item] of items) item.setAttribute("aria-pressed", String(name === state));
    try {
      localStorage.setItem("tibet-book code", state);
    } catch {
      // a private window: the choice holds for this page
    }
  };

  const about = { class: "btn dropdown-toggle", type: "button", "data-bs-toggle": "dropdown" };
  const icon = element("i", { class: "fas fa-code" });
  const toggle = element("button", { ...about, "aria-expanded": "false", "aria-label": "Code that is shown" }, icon);
  const lines = items.map(([, item]) => element("li", {}, item));
  const notebook = document.querySelector("a.btn-download-source-button")?.getAttribute("href");
  if (notebook) {
    const link = { class: "btn btn-sm dropdown-item", href: notebook, target: "_blank" };
    lines.push(element("li", {}, element("a", link, "More code: the notebook")));
  }
  const menu = element("ul", { class: "dropdown-menu" }, ...lines);
  header.prepend(element("div", { class: "dropdown code-switch" }, toggle, menu));

  let kept = "analysis";
  try {
    kept = localStorage.getItem("tibet-book code") ?? kept;
  } catch {
    // as above
  }
  turn(kept in STATES ? kept : "analysis");
})();
