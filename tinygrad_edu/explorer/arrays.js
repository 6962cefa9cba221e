// A small array library: it runs the programs that `symbols/program.py` makes of ops and rules.
// An array is {n: numbers in row order, s: shape}; a plain number is itself. `round` keeps float32 graphs in float32.
const arrays = (() => {
  const half = x => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 ? r - 1 : r; };
  const unary = {
    absolute: Math.abs, arccos: Math.acos, arccosh: Math.acosh, arcsin: Math.asin, arcsinh: Math.asinh,
    arctan: Math.atan, arctanh: Math.atanh, cbrt: Math.cbrt, ceil: Math.ceil, cos: Math.cos, cosh: Math.cosh,
    exp: Math.exp, exp2: x => 2 ** x, expm1: Math.expm1, floor: Math.floor, isfinite: x => +Number.isFinite(x),
    isinf: x => +(Math.abs(x) === Infinity), isnan: x => +Number.isNaN(x), log: Math.log, log10: Math.log10,
    log1p: Math.log1p, log2: Math.log2, logical_not: x => +!x, negative: x => -x, positive: x => x,
    reciprocal: x => 1 / x, relu: x => Math.max(x, 0), rint: half, sigmoid: x => 1 / (1 + Math.exp(-Math.max(x, -709))),
    sign: Math.sign, sin: Math.sin, sinh: Math.sinh, sqrt: Math.sqrt, square: x => x * x, tan: Math.tan,
    tanh: Math.tanh, trunc: Math.trunc, fround: Math.fround,
  };
  const binary = {
    add: (x, y) => x + y, arctan2: Math.atan2, divide: (x, y) => x / y, equal: (x, y) => +(x === y),
    greater: (x, y) => +(x > y), greater_equal: (x, y) => +(x >= y), hypot: Math.hypot, less: (x, y) => +(x < y),
    less_equal: (x, y) => +(x <= y), logical_and: (x, y) => +!!(x && y), logical_or: (x, y) => +!!(x || y),
    maximum: Math.max, minimum: Math.min, multiply: (x, y) => x * y, not_equal: (x, y) => +(x !== y),
    power: (x, y) => x === 1 ? 1 : x ** y, subtract: (x, y) => x - y,
  };
  const functions = {...unary, ...binary, where: (c, x, y) => c ? x : y};
  const gathering = {add_at: [0, binary.add], max_at: [-Infinity, Math.max], min_at: [Infinity, Math.min],
                     prod_at: [1, binary.multiply]};
  const size = shape => shape.reduce((a, b) => a * b, 1);
  const numbers = x => typeof x === 'number' ? [x] : x.n;
  const shape = x => typeof x === 'number' ? [] : x.s;
  const special = {nan: NaN, inf: Infinity, '-inf': -Infinity};

  // For each element of an array of the shape `full`: which element of one of the shape `own` broadcasting brings there.
  const places = (own, full) => {
    let out = [0];
    full.forEach((side, axis) => {
      const at = axis - full.length + own.length;
      const step = at < 0 || own[at] === 1 ? 0 : size(own.slice(at + 1));
      const next = [];
      for (const start of out) for (let i = 0; i < side; i++) next.push(start + i * step);
      out = next;
    });
    return out;
  };
  const together = shapes => {
    const axes = Math.max(0, ...shapes.map(s => s.length));
    return Array.from({length: axes}, (_, axis) =>
      shapes.map(s => s[s.length - axes + axis] ?? 1).reduce((side, own) => own === 1 ? side : own, 1));
  };
  const each = (f, xs, round) => {
    if (xs.every(x => typeof x === 'number')) return round(f(...xs));
    const full = together(xs.map(shape));
    const from = xs.map(x => typeof x === 'number' ? null : shape(x).join() === full.join() ? undefined : places(x.s, full));
    const out = new Array(size(full));
    for (let k = 0; k < out.length; k++)
      out[k] = round(f(...xs.map((x, i) => from[i] === null ? x : x.n[from[i] === undefined ? k : from[i][k]])));
    return {n: out, s: full};
  };
  const take = (n, at, s) => ({n: at === null ? n : Array.from({length: size(s)}, (_, k) => n[at.length ? at[k] : at]), s});
  const gather = (how, n, at, s, round) => {
    const [start, f] = gathering[how];
    const out = new Array(size(s)).fill(start);
    n.forEach((number, k) => { const i = at === null ? k : at.length ? at[k] : at; out[i] = f(out[i], number); });
    return {n: out.map(round), s};
  };
  const matmul = (x, y, round) => {
    const [n, k] = x.s.slice(-2), m = y.s[y.s.length - 1];
    const batch = together([x.s.slice(0, -2), y.s.slice(0, -2)]);
    const [of_x, of_y] = [x, y].map(a => places(a.s.slice(0, -2), batch));
    const out = [];
    for (let b = 0; b < of_x.length; b++) for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += x.n[(of_x[b] * n + i) * k + l] * y.n[(of_y[b] * k + l) * m + j];
      out.push(round(sum));
    }
    return {n: out, s: [...batch, n, m]};
  };

  const run = (tree, values, round = x => x) => {
    if (typeof tree === 'number') return tree;
    if (typeof tree === 'string') return special[tree];
    const [name, ...rest] = tree;
    if (!rest.length) return values[name];
    const of = t => run(t, values, round);
    if (name === 'array') return {n: rest[0].map(of), s: rest[1]};
    if (name === 'take') return take(numbers(of(rest[0])), rest[1], rest[2]);
    if (name === 'join') return take(rest[0].flatMap(t => numbers(of(t))), rest[1], rest[2]);
    if (name === 'matmul') return matmul(of(rest[0]), of(rest[1]), round);
    if (name === 'polynomial') return each(x => rest[1].reduce((value, c) => value * x + c), [of(rest[0])], round);
    if (name in gathering) return gather(name, numbers(of(rest[0])), rest[1], rest[2], round);
    return each(functions[name], rest.map(of), round);
  };
  return {run, shape, numbers, size, functions: Object.keys(functions)};
})();
