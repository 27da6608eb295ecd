// Exercises answered on the page: a field in place of each cell `check("13.1", ...)`, which judges and
// replies as helpers/exercises.py does, word for word; tests/exercise_cases.csv holds both to it.
// The answers come with the page in base64: out of sight of a reader, no secret from a seeker.
(() => {
  "use strict";
  const SIGN = "Think about the sign: should it be positive, negative, or nothing at all?";
  const SLIPS = [
    [-1, "The size is right, the sign is not."],
    [100, "A hundred times too much: per cent, where a share is wanted?"],
    [1 / 100, "A hundred times too little: a share, where per cent is wanted?"],
    [32 / 12, "Too large by 32/12: oxygen, where carbon is wanted, or the ratio taken twice?"],
    [12 / 32, "Too small by 12/32: carbon, where oxygen is wanted, or the ratio left out?"],
  ];

  const near = (one, other, share, least = 0) =>
    Math.abs(one - other) <= Math.max(share * Math.max(Math.abs(one), Math.abs(other)), least);

  const equal = (known, one, other) => {
    if (known.kind !== "number") return String(one) === String(other);
    const half = known.decimals ? 0.5 / 10 ** Number(known.decimals) : 0;
    const least = Math.min(half, 0.1 * Math.abs(other)) * (1 + 1e-9);
    return near(one, other, known.tolerance, Math.max(least, 1e-12));
  };

  const quote = (text) => {
    const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
    return mark + text.replace(/\\/g, "\\\\").replaceAll(mark, `\\${mark}`) + mark;
  };

  // What was typed, as a number: also with a decimal comma, 4,500 where things are counted, a true minus.
  const read = (known, typed) => {
    if (!known.kind.endsWith("number")) return typed;
    const text = typed.trim().replace(/^[−–]/, "-");
    const plain = known.kind === "number" ? text : text.replace(/,(?=\d{3}(\D|$))/g, "");
    const figures = plain.replace(",", ".");
    return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(figures) ? Number(figures) : typed.trim();
  };

  const misfit = (known, given) => {
    const wanted = known.wanted[0].toUpperCase() + known.wanted.slice(1);
    if (given.length === 0) return `${wanted} is wanted.`;
    if (!known.kind.endsWith("number")) return "";
    if (typeof given === "string") return `${wanted} is wanted, not ${quote(given)}.`;
    if (!Number.isFinite(given))
      return "That is no number to compare: is there a gap, or a division by zero?";
    const isBroken = known.kind === "whole number" && given % 1;
    return isBroken ? "A whole number is wanted: what is it that you count?" : "";
  };

  const compareNumbers = (given, right, tolerance) => {
    if (!right || !given) return SIGN;
    const turned = given < 0 !== right < 0;
    const decades = Math.log10(Math.abs(given)) - Math.log10(Math.abs(right));
    if (tolerance) {
      for (const [factor, text] of SLIPS) if (near(given, factor * right, tolerance)) return text;
      if (!turned && Math.abs(decades) > 0.9 && Math.abs(decades - Math.round(decades)) <= tolerance)
        return "The digits are right, the power of ten is not: check the units.";
      if (near(given * right, 1, tolerance)) return "One divided by your number would be right.";
    }
    if (turned) return SIGN;
    if (near(given, right, 0.05) || (!tolerance && Math.abs(given - right) === 1))
      return "Close. Did you round too early, or leave a row out?";
    return `The order of magnitude is ${Math.abs(decades) > 1 ? "wrong" : "right"}.`;
  };

  const compareNames = (given, right) => {
    const good = given.filter((name) => right.includes(name)).length;
    const missing = good < right.length ? ", and some are missing." : ".";
    return `${good} of your ${given.length} belong there${missing}`;
  };

  // What `check` says of what was typed, or of the list of names that were ticked.
  const judge = (known, typed) => {
    const { kind, answer } = known;
    const given = read(known, typed);
    const complaint = misfit(known, given);
    if (complaint) return { right: false, text: complaint };
    const plain = {
      number: () => Number(given.toPrecision(6)),
      names: () => [...given].sort(),
    }[kind]?.() ?? given;
    if (equal(known, plain, answer)) return { right: true, text: "Right." };
    const hint = known.hints.find(([wrong]) => equal(known, plain, wrong))?.[1];
    const said = {
      "whole number": () => compareNumbers(plain, answer, 0),
      number: () => compareNumbers(plain, answer, known.tolerance),
      names: () => compareNames(plain, answer),
      word: () => "",
    }[kind];
    return { right: false, text: `Not yet. ${hint ?? said()}`.trim() };
  };
  globalThis.exercises = { judge };

  const hidden = document.getElementById("exercise-answers");
  if (!hidden) return;
  const bytes = Uint8Array.from(atob(hidden.textContent), (letter) => letter.charCodeAt(0));
  const answers = JSON.parse(new TextDecoder().decode(bytes));
  const { element } = globalThis.widgets;

  // Right answers are remembered on this device, where the browser lets a page remember.
  const remember = (name, text) => {
    try {
      if (text === undefined) return localStorage.getItem(name) ?? "";
      if (text) localStorage.setItem(name, text);
      else localStorage.removeItem(name);
    } catch {
      // a private window, or a file that may not
    }
    return "";
  };

  // The control for an answer: its elements, and how it is read and filled with text.
  const control = (known, id, label) => {
    const field = (made) => ({
      parts: [element("label", { for: id }, label), made],
      get: () => made.value,
      set: (text) => (made.value = text),
    });
    const about = { id, "aria-describedby": `${id}-wanted` };
    if (!known.choices.length)
      // no inputmode: the decimal keys of some phones have no minus
      return field(element("input", { ...about, autocomplete: "off", spellcheck: "false", size: 9 }));
    const options = known.choices.map((name) => element("option", {}, name));
    if (known.kind === "word")
      return field(element("select", about, element("option", { value: "" }, "choose"), ...options));
    const boxes = known.choices.map((name) => element("input", { type: "checkbox", value: name }));
    const ticks = boxes.map((box) => element("label", {}, box, ` ${box.value}`));
    return {
      parts: [element("fieldset", {}, element("legend", {}, `${label}: tick all that apply`), ...ticks)],
      get: () => boxes.filter((box) => box.checked).map((box) => box.value),
      set: (text) => boxes.forEach((box) => (box.checked = text.split(",").includes(box.value))),
    };
  };

  // A reply with what Markdown in it sets apart: *words*, $symbols$, `code`.
  const dress = (text) =>
    text.split(/[*$`]([^*$`]+)[*$`]/).map((part, i) => (i % 2 ? element("em", {}, part) : part));

  const place = (cell, exercise, known) => {
    const label = `Your answer to exercise ${Number(exercise.split(".")[1])}`;
    const name = `tibet-book exercise ${exercise}`;
    const answer = control(known, `answer-${exercise}`, label);
    const wanted = element("span", { id: `answer-${exercise}-wanted` }, known.beside);
    const forget = element("button", { type: "button", hidden: "" }, "Forget");
    const reply = element("p", { role: "status" });
    const check = element("button", {}, "Check");
    const form = element(
      "form",
      { class: "exercise-field", "aria-label": `Exercise ${exercise}` },
      ...answer.parts, wanted, check, forget, reply,
    );
    const tell = ({ right, text }) => {
      reply.replaceChildren(...dress(text));
      form.dataset.right = right;
      forget.hidden = !right;
      remember(name, right ? String(answer.get()) : "");
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell(judge(known, answer.get()));
    });
    forget.addEventListener("click", () => {
      answer.set("");
      tell({ right: false, text: "Forgotten." });
      (form.querySelector("input, select") ?? check).focus();
    });
    const before = remember(name);
    answer.set(before);
    if (before) tell(judge(known, answer.get()));
    cell.replaceWith(form);
  };

  for (const cell of document.querySelectorAll("#exercises .cell")) {
    const code = cell.querySelector(":scope > .cell_input")?.textContent ?? "";
    const exercise = code.match(/^\s*check\("([\d.]+)", \.\.\.\)\s*$/)?.[1];
    if (answers[exercise]) place(cell, exercise, answers[exercise]);
  }
})();
