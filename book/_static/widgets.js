// What the widgets of the book share: making elements, writing numbers, taking the figure's place.
(() => {
  "use strict";
  const build = (made, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const element = (tag, attributes, ...children) =>
    build(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
    build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  const raise = (digits) => digits.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);

  // A number with a true minus sign, as a power of ten where it is large.
  const show = (value, decimals = 3) => {
    if (Math.abs(value) === Infinity) return value > 0 ? "> 10³⁰⁸" : "< −10³⁰⁸";
    if (Math.abs(value) < 1e4) {
      const text = value.toFixed(decimals);
      return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
    }
    const [digits, power] = value.toExponential(2).replace("-", "−").split("e+");
    return `${digits} × 10${raise(power)}`;
  };

  // A table below its caption, which scrolls inside itself, by keyboard too.
  const table = (caption, columns, rows) => {
    const cells = (row) =>
      row.map((text, i) => element(i ? "td" : "th", i ? {} : { scope: "row" }, text));
    const head = columns.map((text) =>
      text ? element("th", { scope: "col" }, text) : element("td", {}));
    const made = element(
      "table",
      { "aria-label": caption },
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
    );
    const about = { class: "widget-table", tabindex: 0, role: "region", "aria-label": caption };
    return element(
      "div",
      {},
      element("p", { class: "widget-caption" }, caption),
      element("div", about, made),
    );
  };

  // Put the widget in its place; widgets.css then takes its figure off the screen.
  const fill = (place, title, ...children) => {
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", title);
    place.replaceChildren(element("p", { class: "widget-title" }, title), ...children);
    place.classList.add("widget-works");
    const figure = document.getElementById(place.dataset.figure);
    figure.closest(".cell").classList.add("widget-stands-here");
  };

  globalThis.widgets = { element, svg, show, table, fill };
})();
