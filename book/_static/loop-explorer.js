// Arithmetic of a feedback loop, as helpers/pathmodel/loop.py has it. Coefficient b[i] acts from variable i
// on the next one; the last acts on variable 0.
(() => {
  "use strict";
  const NEAR = 1e-9; // a stability index this near to 1 counts as 1

  const multiply = (numbers) => numbers.reduce((product, each) => product * each, 1);

  const measure = (b) => {
    const gain = multiply(b);
    const index = Math.abs(gain) ** (1 / b.length);
    const course = index < 1 - NEAR ? "settles" : index > 1 + NEAR ? "grows" : "edge";
    return { gain, index, amplification: 1 / (1 - gain), course };
  };

  // States by step: step 0 is the push alone.
  const respond = (b, pushed, steps) => {
    const push = b.map((_, i) => Number(i === pushed));
    const states = [push];
    for (let step = 0; step < steps; step += 1) {
      const before = states[step];
      states.push(push.map((each, i) => each + b.at(i - 1) * before.at(i - 1)));
    }
    return states;
  };

  // What a lasting push ends at, if the loop settles: the product on the way there, over 1 - gain.
  const limit = (b, pushed) => b.map((_, to) => way(b, pushed, to) / (1 - multiply(b)));

  const way = (b, from, to) => {
    const length = (to - from + b.length) % b.length;
    return multiply(Array.from({ length }, (_, k) => b[(from + k) % b.length]));
  };

  // Variances of the errors with which every variable has the variance 1, or null.
  const errors = (b) => {
    const gain = multiply(b);
    const found = b.map((each) => ((1 - each * each) * (1 - gain)) / (1 + gain));
    return found.every((each) => each > 0 && Number.isFinite(each)) ? found : null;
  };

  // Two variables correlate through both ways round, or null where no errors allow the loop.
  const correlate = (b) =>
    errors(b) &&
    b.map((_, i) =>
      b.map((_, j) => (i === j ? 1 : (way(b, i, j) + way(b, j, i)) / (1 + multiply(b)))),
    );

  // The other loop with the same correlations, or null.
  const twin = (b) => (errors(b) && multiply(b) !== 0 ? b.map((each) => 1 / each) : null);

  globalThis.loopExplorer = { measure, respond, limit, errors, correlate, twin };
})();
