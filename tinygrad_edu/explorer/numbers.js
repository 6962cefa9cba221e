// Numbers as `numbers.py` writes them: three digits of the largest, one number of decimals for a whole array.
const writing = (() => {
  const even = (text, full, cut) => /^50*$/.test(full.slice(cut)) && '02468'.includes(full[cut - 1] === '.' ? full[cut - 2] : full[cut - 1])
    ? full.slice(0, full[cut - 1] === '.' ? cut - 1 : cut) : text;  // Python rounds an exact half to the even digit
  const fixed = (value, decimals) => {
    const size = Math.abs(value), full = size.toFixed(100);
    const text = even(size.toFixed(decimals), full, full.indexOf('.') + 1 + decimals);
    return value < 0 && +text ? '-' + text : text;
  };
  const scientific = (value, decimals) => {
    if (!value) return '0';
    const size = Math.abs(value), [full] = size.toExponential(100).split('e');
    const [digits, exponent] = size.toExponential(decimals).split('e');
    const power = Math.abs(+exponent);
    return (value < 0 ? '-' : '') + even(digits, full, 2 + decimals) + 'e' + (exponent < 0 ? '-' : '+') +
      (power < 10 ? '0' : '') + power;
  };
  const special = value => Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const texts = (values, eps) => {
    const finite = values.filter(Number.isFinite), largest = finite.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const small = largest && !(largest >= 1e-3 && largest < 1e5), form = small ? scientific : fixed;
    let decimals = small ? 2 : Math.max(2 - +scientific(largest || 1, 2).split('e')[1], 0);
    const same = d => finite.every(v => Math.abs(form(v, d) - v) <= 4 * eps * largest);
    while (decimals && same(decimals - 1)) decimals--;
    return values.map(v => Number.isFinite(v) ? form(v, decimals) : special(v));
  };
  const total = x => {  // in NumPy's order, eight sums at a time, so that the last digit is NumPy's
    if (x.length < 8) return x.reduce((a, b) => a + b, 0);
    if (x.length > 128) {
      const half = (x.length >> 1) - (x.length >> 1) % 8;
      return total(x.slice(0, half)) + total(x.slice(half));
    }
    const r = x.slice(0, 8), even = x.length - x.length % 8;
    for (let k = 8; k < even; k++) r[k % 8] += x[k];
    const sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    return x.slice(even).reduce((a, b) => a + b, sum);
  };
  const summary = (values, eps) => {
    const finite = values.filter(Number.isFinite), lines = [];
    if (finite.length) {
      const low = Math.min(...finite), high = Math.max(...finite);
      let mean = low, std = 0;
      if (low !== high) {
        mean = total(finite) / finite.length;
        std = Math.sqrt(total(finite.map(x => (x - mean) * (x - mean))) / finite.length);
      }
      const largest = Math.max(...[mean, std, low, high].map(Math.abs));
      const [m, s, l, h] = [mean, std, low, high].map(v => texts([Math.abs(v) > 4 * eps * largest ? v : 0], eps)[0]);
      lines.push(['mean', m, 'std', s], ['min', l, 'max', h]);
    }
    const nans = values.filter(Number.isNaN).length, infinities = values.length - finite.length - nans;
    const counts = [[nans, 'nan'], [infinities, 'inf']].filter(([n]) => n).map(([n, word]) => `${n} ${word}`);
    return counts.length ? [...lines, [counts.join(', ')]] : lines;
  };
  // Rows of cells: all numbers of a small array, or what sums up a large one.
  const grid = (array, eps) => {
    const {n, s} = typeof array === 'number' ? {n: [array], s: []} : array;
    if (n.length > 8 || s.length > 2) return summary(n, eps);
    if (!n.length) return [['empty']];
    const cells = texts(n, eps), columns = s.length ? s[s.length - 1] : 1, rows = [];
    for (let k = 0; k < cells.length; k += columns) rows.push(cells.slice(k, k + columns));
    return rows;
  };
  const words = ['nan', 'inf', 'True', 'False'];
  const join = (cells, widths) => cells.map((cell, i) =>
    /^\p{L}/u.test(cell) && !words.includes(cell) ? cell.padEnd(widths[i]) + ' ' : cell.padStart(widths[i]) + '  ').join('').trimEnd();
  // The lines of several grids, in columns as wide for all of them.
  const aligned = grids => {
    const columns = Math.max(0, ...grids.flat().map(cells => cells.length));
    if (columns < 2 && grids.every(rows => rows.length === 1)) return grids.map(rows => [rows[0].join('')]);
    const widths = Array.from({length: columns}, (_, c) =>
      Math.max(...grids.flat().filter(cells => cells.length === columns).map(cells => cells[c].length)));
    return grids.map(rows => rows.map(cells => join(cells, cells.length === columns ? widths : cells.map(c => c.length))));
  };
  return {texts, grid, aligned};
})();
