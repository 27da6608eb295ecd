// Which samples could have printed these fit indices? As helpers/paper/published.py has it.
(() => {
  "use strict";
  const NOISE = 1e-12; // of an index that was rounded in binary
  const MOST = 2e5; // pairs to try: about a second

  const unround = (value, digits) => {
    const half = 0.5 * 10 ** -digits + NOISE;
    return [value - half, value + half];
  };

  const baselineDf = (variables) => (variables * (variables - 1)) / 2;

  const scales = ({ chi2_df, rmsea, digits }) => {
    const [ratio, distance] = [unround(chi2_df, digits), unround(rmsea, digits)];
    const fewest = Math.max(Math.ceil((ratio[0] - 1) / distance[1] ** 2), 1);
    return [fewest, Math.floor((ratio[1] - 1) / distance[0] ** 2)];
  };

  // Say what is wrong with the numbers (null: not printed, NaN: not a number), or return "".
  const refuse = (printed) => {
    const { chi2_df, rmsea, rmr, gfi, nfi, cfi, variables, digits, paths } = printed;
    const whole = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
    const within = (value, low, high) => value === null || (value >= low && value <= high);
    if (!whole(variables, 2, 100)) return "Variables: type a whole number from 2 to 100.";
    if (!whole(digits, 1, 6)) return "Decimals: type a whole number from 1 to 6.";
    if (!within(chi2_df, 0, 1e6) || chi2_df === null) return "χ²/df: type a number, 0 or more.";
    if (!within(rmsea, 0, 1e3) || rmsea === null) return "RMSEA: type a number above 0.";
    if (unround(rmsea, digits)[0] <= 0)
      return (
        "RMSEA: it may be 0 before rounding, and RMSEA is 0 whenever χ² is below df, for any " +
        "number of rows. Type one with more decimals."
      );
    if (!within(rmr, 0, Infinity)) return "RMR: type a number, 0 or more, or leave it empty.";
    if (gfi !== null && !(unround(gfi, digits)[0] > 0 && unround(gfi, digits)[0] < 1))
      return "GFI: type a number above 0 and at most 1, or leave it empty.";
    if (!within(nfi, 0, 1)) return "NFI: type a number from 0 to 1, or leave it empty.";
    if (!within(cfi, 0, 1)) return "CFI: type a number from 0 to 1, or leave it empty.";
    if (paths !== null && !whole(paths, 0, baselineDf(variables)))
      return `Arrows: type a whole number from 0 to ${baselineDf(variables)}, or leave it empty.`;
    const [fewest, most] = scales(printed);
    if ((most - fewest + 1) * baselineDf(variables) > MOST)
      return "So small an RMSEA leaves too many samples to try. Type it with more decimals.";
    return "";
  };

  // Smallest and largest discrepancy F that a GFI allows: two values among the eigenvalues.
  const boundDiscrepancy = (gfi, variables, digits) => {
    const discrepancies = (value) => {
      const spread = Math.sqrt(1 / Math.min(value, 1) - 1);
      return Array.from({ length: variables - 1 }, (_, i) => {
        const [k, rest] = [i + 1, variables - i - 1];
        const above = 1 + spread * Math.sqrt(rest / k);
        const below = Math.max(1 - spread * Math.sqrt(k / rest), 0);
        return -k * Math.log(above) - rest * Math.log(below);
      });
    };
    const [low, high] = unround(gfi, digits);
    return [Math.min(...discrepancies(high)), Math.max(...discrepancies(low))];
  };

  // Lower and upper bound of the baseline chi-square that each index gives; a CFI of 0 may be one
  // that was cut off there.
  const boundBaseline = (chi2, df, dfBaseline, ranges) =>
    ranges.map(({ name, ends }) => {
      const [part, start] = name === "nfi" ? [chi2, 0] : [chi2 - df, dfBaseline];
      return ends.map((end) => {
        if (end <= 0) return chi2;
        return end < 1 ? start + part / (1 - end) : Infinity;
      });
    });

  // Narrow a range of chi-square to where no lower bound is above an upper one, all being lines.
  const leaveRoom = (low, high, bounds) => {
    const [atLow, atHigh] = [bounds(low), bounds(high)];
    let [narrowLow, narrowHigh] = [low, high];
    atLow.forEach((_, one) =>
      atLow.forEach((_, other) => {
        if (one === other) return;
        const roomLow = atLow[other][1] - atLow[one][0];
        const roomHigh = atHigh[other][1] - atHigh[one][0];
        const never = roomLow < 0 && roomHigh < 0;
        const touch = never ? NaN : low + ((high - low) * roomLow) / (roomLow - roomHigh);
        if (roomLow < 0) narrowLow = Math.max(narrowLow, touch);
        if (roomHigh < 0) narrowHigh = Math.min(narrowHigh, touch);
      }),
    );
    return [narrowLow, narrowHigh];
  };

  // One object for each possible pair of n and df, in this order.
  const impliedSample = (printed) => {
    const { chi2_df, rmsea, gfi, variables, digits, paths } = printed;
    const [ratio, distance] = [unround(chi2_df, digits), unround(rmsea, digits)];
    const [fewest, most] = scales(printed);
    const dfBaseline = baselineDf(variables);
    const F = gfi === null ? [0, Infinity] : boundDiscrepancy(gfi, variables, digits);
    const ranges = ["nfi", "cfi"]
      .filter((name) => printed[name] !== null)
      .map((name) => ({ name, ends: unround(printed[name], digits) }));
    const rows = [];
    for (let scale = fewest; scale <= most; scale += 1)
      for (let df = 1; df <= dfBaseline; df += 1) {
        const widest = [
          Math.max(Math.max(ratio[0], 1 + scale * distance[0] ** 2) * df, F[0] * scale),
          Math.min(Math.min(ratio[1], 1 + scale * distance[1] ** 2) * df, F[1] * scale),
        ];
        if (!(widest[0] <= widest[1])) continue;
        const bounds = (chi2) => boundBaseline(chi2, df, dfBaseline, ranges);
        const [low, high] = leaveRoom(...widest, bounds);
        if (!(low <= high)) continue;
        const lowest = bounds(low).map(([bound]) => bound);
        const highest = bounds(high).map(([, bound]) => bound);
        rows.push({
          n: scale + 1,
          df,
          chi2: [low, high],
          F: [low / scale, high / scale],
          baseline: ranges.length ? [Math.max(...lowest), Math.min(...highest)] : null,
          drawn: paths === null ? null : df === dfBaseline - paths,
        });
      }
    return rows;
  };

  // P of a chi-square above x: the regularized incomplete gamma function of df / 2 and x / 2, by its
  // series below the hump and by its continued fraction above.
  const surviveChi2 = (x, df) => {
    const [a, h] = [df / 2, x / 2];
    let logGamma = df % 2 ? Math.log(Math.PI) / 2 : 0;
    for (let k = df % 2 ? 0.5 : 1; k < a; k += 1) logGamma += Math.log(k);
    const front = Math.exp(a * Math.log(h) - h - logGamma);
    if (h < a + 1) {
      let [term, sum] = [1 / a, 1 / a];
      for (let n = 1; term > sum * 1e-16; n += 1) {
        term *= h / (a + n);
        sum += term;
      }
      return 1 - front * sum;
    }
    let [b, c, d] = [h + 1 - a, 1e300, 1 / (h + 1 - a)];
    let fraction = d;
    for (let n = 1, change = 0; Math.abs(change - 1) > 1e-15 && n < 1e5; n += 1) {
      const numerator = n * (a - n);
      b += 2;
      d = 1 / (b + numerator * d);
      c = b + numerator / c;
      change = c * d;
      fraction *= change;
    }
    return front * fraction;
  };

  globalThis.fitIndices = { refuse, boundDiscrepancy, impliedSample, surviveChi2 };
})();
