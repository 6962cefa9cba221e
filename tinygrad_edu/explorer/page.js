'use strict';
// Steps through a reverse pass. Python has drawn the picture; this toggles classes on it and fills the panels.
// A changed number runs the programs of all ops and rules again (arrays.js), and rewrites the texts (numbers.js).
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = id => document.getElementById(id);
  const {svg, write} = picture;

  // --- cards and boxes -------------------------------------------------------------------------------------
  // What the picture says of a card, it says of it: its line of code, its kind, its shape, its numbers.
  const ready = (card, id) => {
    card.id = id;
    card.el = $(id) || building.card(id, card.face, card.code);
    const text = kind => card.el.querySelector(`text.${kind}`), [first] = card.el.querySelectorAll('text'), shape = text('shape');
    card.kind = card.el.getAttribute('class') || 'operation';
    card.computed = 'source' in card;
    card.name ||= first.firstElementChild.textContent;
    card.code ||= card.computed ? first.textContent : card.name;
    card.shape = shape ? shape.textContent : 'scalar';
    card.value = picture.linesOf(text('value'));
    card.grad = picture.linesOf(text('grad'));
    card.home = card.in || '';
    card.of ||= [];
    [card.site, card.line] = card.computed ? data.sources[card.source] : ['', ''];
    for (const [key, value] of [['tabindex', 0], ['role', 'button'], ['aria-label', `${card.code}, ${card.kind}, ${card.shape}`]]) card.el.setAttribute(key, value);
    for (const word of ['value', 'grad']) if (text(word)) text(word).dataset.lines = card[word].join('\n');
    card.el.addEventListener('click', () => pick(card.id));
    return card;
  };
  const numbered = data.cards.map((card, k) => ready(card, `n${k}`));
  const modules = data.boxes ? modulesOf(data, ready, box => toggle([box])) : null;
  const around = home => modules ? modules.around(home) : [];
  const standsFor = card => modules ? modules.standsFor(card) : card;
  const everyone = modules ? [...numbered, ...modules.all.map(box => box.card)] : numbered;

  // --- arrows of the whole graph: from the card numbered `u` to operand `p` of the card numbered `v`
  const links = [];
  numbered.forEach((card, v) => card.of.forEach((u, p) => { if (u >= 0) links.push(Object.assign(data.arrows[links.length], {u, v, p, k: links.length})); }));
  const links_to = numbered.map(() => []);
  for (const link of links) {
    links_to[link.v].push(link);
    const [text, local, words] = (data.rules[link.rule] || ['', '', '']).map(rule => rule.replace(/[\ue000-\uf8ff]/g, char => {
      const place = char.charCodeAt(0) - 0xe000, target = numbered[link.v];
      return place > 1 ? numbered[target.of.filter(u => u >= 0)[place - 2]].name : target.name;
    }));
    Object.assign(link, {text, local, words});
  }

  // --- what is shown: depends on which boxes are open --------------------------------------------------------
  let shown, cards, result, steps, last, arrows, into, from;
  const made = new Map();
  const arrowOf = (source, to, p, link) => {
    const start = standsFor(source), id = `${start.id}-${to.id}-${p}`;
    if (!made.has(id)) {
      const brings = link ? [link.adds, link.sofar] : to.box ? to.box.brings[source.id] || [] : [];
      const told = start === source || start.out === +source.id.slice(1) && !start.many;
      made.set(id, {id, u: start.id, v: to.id, from: start, to, source, position: p, link, carries: link ? !link.stops : source.grad.length > 0,
        el: $(id) || building.arrow(id, start.kind), rule: link && link.text, local: link && link.local, words: link && link.words, told: told && brings[0]});
    }
    return made.get(id);
  };
  const regroup = () => {
    shown = numbered.map((card, k) => [standsFor(card), k]).filter(([card, k]) => !card.box || card.last === k).map(([card]) => card);
    cards = new Map(shown.map(card => [card.id, card]));
    result = shown[shown.length - 1];
    arrows = shown.flatMap(card => card.box ? card.of.map((u, p) => arrowOf(numbered[u], card, p, null)) :
      links_to[+card.id.slice(1)].map(link => arrowOf(numbered[link.u], card, link.p, link)));
    into = new Map(shown.map(card => [card.id, []]));
    from = new Map(shown.map(card => [card.id, []]));
    for (const arrow of arrows) { into.get(arrow.v).push(arrow); from.get(arrow.u).push(arrow); }
    steps = [['', ''], ...shown.filter(c => c.computed).map(c => ['f', c.id]), ['s', result.id],
      ...shown.filter(c => c.computed && c.grad.length).reverse().map(c => ['b', c.id])];
    last = steps.length - 1;
    for (const card of shown) {
      card.at = card.computed ? 0 : -1;  // the step at which its value is there; that of its gradient
      card.back = card === result ? 0 : Infinity;
      card.arrivals = [];
    }
    steps.forEach(([what, id], step) => {
      if (what === 'f') cards.get(id).at = step;
      if (what === 's') cards.get(id).back = step;
      if (what === 'b') for (const arrow of into.get(id)) if (arrow.carries) {
        const card = cards.get(arrow.u);
        card.back = Math.min(card.back, step);
        card.arrivals.push([step, arrow]);
      }
    });
    $('slider').max = last;
  };
  const adds = arrow => arrow.told && (arrow.link ? arrow.link.adds : arrow.to.box.brings[arrow.source.id][0]);
  const sofar = arrow => arrow.told && (arrow.link ? arrow.link.sofar : arrow.to.box.brings[arrow.source.id][1]);

  const toggle = (which, focus = true) => modules.toggle(which, focus, {steps, at, cards, picked},
    () => { regroup(); return {steps, cards, shown, arrows}; }, (step, card) => { at = step; picked = card; show(); });

  // --- making elements -------------------------------------------------------------------------------------
  const h = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
  };
  const block = (lines, kind = '') => h('pre', {class: kind}, lines.join('\n'));
  const d = (of, by) => `∂${of}/∂${by}`;
  const plural = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 || n === 1n ? '' : 's'}`;

  // --- where we are ----------------------------------------------------------------------------------------
  let at = 0, picked = null, timer = null, said = '';
  const shownGrad = card => {  // the lines of a gradient so far
    if (card.arrivals.length > 1 && card.arrivals[0][1].told) {
      const arrived = card.arrivals.filter(([step]) => step <= at);
      if (arrived.length && arrived.length < card.arrivals.length) return sofar(arrived[arrived.length - 1][1]);
    }
    return card.grad;
  };

  // --- paths -----------------------------------------------------------------------------------------------
  const pathsFrom = id => {
    const reached = new Set([id]), counts = new Map([[id, 1n]]), order = shown.map(c => c.id);
    for (const each of order) if (reached.has(each)) for (const arrow of from.get(each)) {
      reached.add(arrow.v);
      counts.set(arrow.v, (counts.get(arrow.v) || 0n) + counts.get(each));
    }
    const found = arrows.filter(arrow => reached.has(arrow.u));
    return {arrows: found, reached, count: counts.get(result.id) || 0n};
  };

  // --- panels ----------------------------------------------------------------------------------------------
  const where = card => card.computed && h('p', {class: 'where'}, `${card.site}   `, h('span', {class: 'code'}, card.line || card.code));
  const ruleOf = (arrow, card) => {
    const source = cards.get(arrow.u), name = d(result.name, source.name), stretched = arrow.link && arrow.link.stretched;
    const several = source.arrivals.length > 1;
    const box = h('div', {class: 'rule'}, h('div', {class: 'code'}, h('b', {}, name), ` ${several ? '+=' : '='} `,
      arrow.rule || (arrow.words ? '' : card.inside ? 'what comes back through everything inside' : '…')));
    if (arrow.words) box.append(h('div', {class: 'note'}, arrow.words));
    if (arrow.link && arrow.link.number) box.append(h('div', {class: 'sum'}, h('span', {class: 'code'}, `${d(card.name, source.name)}: ${arrow.local} =`), block(arrow.link.number)));
    else if (arrow.local && !['1', '−1'].includes(arrow.local)) box.append(h('div', {class: 'note code'}, `${d(card.name, source.name)}: ${arrow.local}`));
    const sum = h('div', {class: 'sum'});
    const place = source.arrivals.findIndex(([, a]) => a === arrow);
    if (several && arrow.told) {
      if (place > 0) sum.append(block(sofar(source.arrivals[place - 1][1])), h('span', {}, '+'), block(adds(arrow)), h('span', {}, '='), block(sofar(arrow), 'new'),
        h('span', {}, `${d(result.name, source.name)}: old + new = sum, for ${source.name} is used more than once`));
      else sum.append(h('span', {}, '='), block(adds(arrow), 'new'), h('span', {}, `the first of ${source.arrivals.length} parts`));
    } else if (!several) sum.append(h('span', {}, '='), block(source.grad, 'new'));
    if (sum.children.length) box.append(sum);
    if (stretched) box.append(h('div', {class: 'note'}, `Forward stretched ${source.name}, ${stretched}: each of its numbers was used several times, so backward adds up what comes back.`));
    return box;
  };
  const arithmetic = card => {
    const values = into.get(card.id).map(arrow => cards.get(arrow.u));
    return h('div', {class: 'sum'}, ...[...new Set(values)].flatMap(v => [h('span', {class: 'code'}, `${v.name} =`), block(v.value)]),
      h('span', {class: 'code'}, `${values.length ? '→ ' : ''}${card.name} =`), block(card.value, 'new'));
  };
  const boxHere = () => { const card = cards.get(picked || steps[at][1]); return card && (card.box || around(card.home)[0]); };
  const opener = () => modules && modules.opener(boxHere(), h, toggle);
  const stepPanel = () => {
    const [what, id] = steps[at], card = cards.get(id);
    if (!what) return [h('h2', {}, 'how to read this'), h('p', {class: 'note'}, ...data.facts.flatMap(fact => [fact, h('br')])), modules && modules.note(shown, plural, h, toggle),
      h('p', {class: 'note'}, h('kbd', {}, '→'), ' runs the next line, ', h('kbd', {}, '←'), ' goes back, ', h('kbd', {}, 'Home'), ' ', h('kbd', {}, 'End'),
        ' go to the ends, ', h('kbd', {}, 'Space'), ' plays. Click a card (or ', h('kbd', {}, 'Tab'), ' to it and press ', h('kbd', {}, 'Enter'),
        `) to see its paths to ${result.name}${data.program ? ', and to change its numbers if it is given' : ''}; `, h('kbd', {}, 'Esc'), ' goes back to stepping.'),
      data.program ? null : h('p', {class: 'note'}, `Numbers can't be changed here: ${data.off}.`)];
    if (what === 'f') return [h('h2', {}, 'forward: one line of code'), where(card), h('div', {class: 'code'}, card.code), arithmetic(card), opener()];
    if (what === 's') return [h('h2', {}, 'where backward starts'), h('div', {class: 'code'}, h('b', {}, `${d(result.name, result.name)} = 1`)),
      h('p', {class: 'note'}, `If ${result.name} grows by a little, ${result.name} grows by just that. From here gradients go against the arrows.`)];
    return [h('h2', {}, `chain rule at ${card.name}`), where(card),
      h('div', {class: 'sum'}, h('span', {class: 'code'}, `arrived: g = ${d(result.name, card.name)} =`), block(card.grad)),
      ...into.get(id).filter(a => a.carries).map(arrow => ruleOf(arrow, card)),
      ...[...new Set(into.get(id).filter(a => !a.carries).map(a => cards.get(a.u).name))].map(name =>
        h('div', {class: 'rule'}, h('div', {class: 'note'}, `${name} needs no gradient: nothing goes back to it.`))), opener()];
  };
  const pathPanel = (card, {arrows, count}) => {
    const out = [h('h2', {}, card === result ? 'the result' : `how ${card.name} reaches ${result.name}`), where(card)];
    if (card !== result && count) {
      if (count === 1n) {
        const chain = [];
        for (let id = card.id; id !== result.id;) { const [arrow] = from.get(id); chain.push(arrow); id = arrow.v; }
        out.push(h('p', {class: 'path code'}, `${d(result.name, card.name)} = ${chain.map(a => d(cards.get(a.v).name, cards.get(a.u).name)).join(' · ')}`));
        if (chain.every(a => a.local)) out.push(h('p', {class: 'note'}, 'local derivatives on the way: ', h('span', {class: 'code'}, chain.map(a => a.local).join(' , '))));
      } else out.push(h('p', {class: 'path'}, `${plural(count, 'path')}. The gradient is their sum: each is the product of the local derivatives on it.`));
    }
    out.push(h('div', {class: 'sum'}, h('span', {class: 'code'}, `${card.name} =`), block(card.value, 'its-value')));
    if (card.grad.length) out.push(h('div', {class: 'sum'}, h('span', {class: 'code'}, `${d(result.name, card.name)} =`), block(card.grad, 'new its-grad')));
    else out.push(h('p', {class: 'note'}, 'It needs no gradient, so none goes to it.'));
    if (!card.computed) out.push(...editor(card));
    return [...out, opener()];
  };

  // --- changing a number -----------------------------------------------------------------------------------
  const special = {nan: NaN, inf: Infinity, '-inf': -Infinity};
  const program = data.program;
  const given = {}, first = {};
  // Everything is as precise as in the program: in float32 what was computed in it.
  const rounding = single => single ? Math.fround : x => x, eps = single => single ? 2 ** -23 : 2 ** -52;
  const kindOf = id => program.kinds[id] || '', isSingle = id => kindOf(id) === 's';
  if (program) for (const [id, a] of Object.entries(program.given)) {
    first[id] = a.n.map(x => special[x] ?? x);
    given[id] = {n: [...first[id]], s: a.s};
  }
  const compute = () => {
    const end = numbered[numbered.length - 1].id, values = {...given}, grads = {[end]: {n: [1], s: []}};
    const named = v => Object.fromEntries(links_to[v].map(({p, u}) => [p, values[`n${u}`]]));
    const {table, singles, calls, rules} = program, run = (number, known) => arrays.run(table[number], known, rounding(singles.includes(number)));
    let call = 0;
    numbered.forEach((card, v) => { if (card.computed) values[card.id] = run(calls[call++], named(v)); });
    grads[end].s = arrays.shape(values[end]);
    for (const {box} of everyone) if (box) box.now = {};
    for (let v = numbered.length - 1; v >= 0; v--) if (grads[`n${v}`]) {
      const known = {...named(v), out: values[`n${v}`], g: grads[`n${v}`]};
      for (const link of links_to[v]) if (!link.stops) {
        const [rule, local] = rules[link.k], source = `n${link.u}`, like = values[source], sum = (x, y) => x ? arrays.run(['add', ['x'], ['y']], {x, y}, rounding(isSingle(source))) : y;
        link.brought = run(rule, known);
        if (typeof link.brought === 'number') link.brought = {n: arrays.numbers(like).map(() => link.brought), s: arrays.shape(like)};
        link.total = grads[source] = sum(grads[source], link.brought);
        link.now = local < 0 ? null : run(local, known);
        link.eps = eps(singles.includes(local));
        for (const {now, brings} of around(numbered[v].home)) if (brings[source]) now[source] = [sum(now[source] && now[source][0], link.brought), link.total];
      }
    }
    return {values, grads};
  };
  const gridOf = (array, kind) => ['', 's'].includes(kind) ? writing.grid(array, eps(kind)) :
    writing.grid(array, 0).map(row => row.map(x => kind === 'b' ? (+x ? 'True' : 'False') : x));
  const rewrite = () => {
    const {values, grads} = compute();
    for (const card of numbered) {
      const grids = [gridOf(values[card.id], kindOf(card.id)), ...(card.grad.length ? [gridOf(grads[card.id], kindOf(card.id))] : [])];
      [card.value, card.grad = []] = writing.aligned(grids);
    }
    for (const card of everyone) {
      if (card.box) Object.assign(card, {value: numbered[card.out].value, grad: numbered[card.out].grad});
      write(card, 'value', card.value);
      if (card.grad.length) write(card, 'grad', cards.has(card.id) ? shownGrad(card) : card.grad);
      const note = card.el.querySelector('text.paths');
      if (note) note.textContent = '';
    }
    const lines = (array, precision) => writing.aligned([writing.grid(array, precision)])[0];
    for (const link of links) if (!link.stops) {
      const own = eps(isSingle(`n${link.u}`));
      if (link.adds) { link.adds = lines(link.brought, own); link.sofar = lines(link.total, own); }
      if (link.number) link.number = lines(link.now, link.eps);
    }
    for (const {box} of everyone) if (box) for (const source of Object.keys(box.brings)) box.brings[source] = box.now[source].map(array => lines(array, eps(isSingle(source))));
    document.body.dataset.result = arrays.numbers(values[numbered[numbered.length - 1].id])[0];
    return {values, grads};
  };
  const changed = id => given[id].n.some((x, k) => !Object.is(x, first[id][k]));
  const index = (s, k) => { const out = []; for (let i = s.length - 1; i >= 0; i--) { out.unshift(k % s[i]); k = Math.floor(k / s[i]); } return out.length ? `[${out.join(', ')}]` : ''; };
  const editor = card => {
    if (!program) return [h('p', {class: 'note'}, `Its numbers can't be changed: ${data.off}.`)];
    if (!['', 's'].includes(kindOf(card.id))) return [h('p', {class: 'note'}, 'Whole numbers stay as they are here.')];
    const a = given[card.id], columns = a.s.length ? a.s[a.s.length - 1] : 1;
    const grid = h('div', {class: 'edit'});
    grid.style.gridTemplateColumns = `repeat(${columns}, auto)`;
    a.n.forEach((number, k) => {
      const input = h('input', {type: 'number', step: 'any', 'aria-label': card.name + index(a.s, k), value: number});
      input.value = Number.isFinite(number) ? String(+number.toPrecision(6)) : '';
      input.classList.toggle('changed', !Object.is(a.n[k], first[card.id][k]));
      input.addEventListener('input', () => {
        if (input.value === '' || !Number.isFinite(+input.value)) return;
        const before = compute(), old = a.n[k];
        a.n[k] = rounding(isSingle(card.id))(+input.value);
        const after = rewrite();
        const step = a.n[k] - old, end = numbered[numbered.length - 1].id, was = arrays.numbers(before.values[end])[0], is = arrays.numbers(after.values[end])[0];
        const slope = before.grads[card.id] && arrays.numbers(before.grads[card.id])[k];
        const text = x => String(+x.toPrecision(4)).replace('-', '−'), more = x => (x < 0 ? '' : '+') + text(x);
        said = `${card.name}${index(a.s, k)}: ${text(old)} → ${input.value.replace('-', '−')}. ${result.name}: ${text(was)} → ${text(is)}, which is ${more(is - was)}` +
          (slope === undefined ? '.' : `; its gradient ${text(slope)} promised ${text(slope)} · ${step < 0 ? '(' + text(step) + ')' : text(step)} = ${more(slope * step)}.` +
            (Math.abs(is - was - slope * step) > 0.1 * Math.abs(slope * step) ? ' A gradient keeps its promise for small steps only.' : ''));
        show(true);
        input.classList.toggle('changed', !Object.is(a.n[k], first[card.id][k]));
      });
      grid.append(input);
    });
    const reset = h('button', {type: 'button', id: 'reset'}, 'back to the program\'s numbers');
    reset.addEventListener('click', () => {
      for (const id of Object.keys(given)) given[id].n = [...first[id]];
      said = 'All numbers are the program\'s again.';
      rewrite();
      show();
    });
    return [h('h2', {}, 'change a number, and everything follows'), grid, h('p', {class: 'note'}, reset)];
  };

  // --- showing it all --------------------------------------------------------------------------------------
  const sentence = () => {
    const [what, id] = steps[at], card = cards.get(id);
    if (!what) return `Nothing has run yet: only the given values are there. ${plural(last, 'step')} to go; → takes the next.`;
    if (what === 'f') return card.inside ? `Forward: ${card.name} is computed by ${card.code.split(' = ').slice(1).join(' = ')}, ${plural(card.inside, 'node')} inside.` : `Forward: ${card.code} is computed.`;
    if (what === 's') return `Forward is done: ${result.name} = ${result.value.join('; ').replace('-', '−')}. Backward starts from ${d(result.name, result.name)} = 1.`;
    const targets = [...new Set(into.get(id).filter(a => a.carries).map(a => cards.get(a.u).name))];
    const end = at === last ? ` Done: everything that ${result.name} depends on has its gradient.` : '';
    const out = targets.length ? `it comes out at ${targets.join(' and ')}` : 'it ends in the parameters inside';
    return card.inside ? `Backward through ${card.code}: the gradient goes through ${plural(card.inside, 'node')} inside, and ${out}.${end}` :
      `Backward through ${card.code}: multiply the gradient g that arrived by each local derivative, and add it to the gradient of ${targets.join(' and ')}.${end}`;
  };
  const shownAs = (el, names) => { for (const [name, on] of Object.entries(names)) el.classList.toggle(name, !!on); };
  const show = keep => {  // `keep` leaves the panel as it is: somebody is typing in it
    const [what, id] = steps[at], found = picked && pathsFrom(picked);
    for (const card of shown) {
      const full = picked !== null;
      shownAs(card.el, {v: full || at >= card.at, g: full || at >= card.back, now: !picked && card.id === id, picked: card.id === picked,
        dim: found && !found.reached.has(card.id)});
      if (card.arrivals.length > 1) write(card, 'grad', full ? card.grad : shownGrad(card));
      card.el.setAttribute('aria-pressed', card.id === picked);
    }
    const on = found && new Set(found.arrows);
    for (const arrow of arrows) {
      const back = !picked && what === 'b' && arrow.v === id && arrow.carries, path = on && on.has(arrow);
      shownAs(arrow.el, {on: !picked && what === 'f' && arrow.v === id, back, path, dim: on && !path});
      if ((back || path) && arrow.link && 'rule' in arrow.link)
        picture.chip(arrow.el, arrow.local || `${(arrow.to.code.match(/= ([\w.]+)\(/) || ['', ''])[1]}′`);
    }
    const lit = new Map(), light = (bp, text) => { if (bp) lit.set(bp, [...(lit.get(bp) || []), text]); };
    if (!picked && what === 'b') {
      for (const {carries, link, from, rule} of into.get(id)) if (carries && link) light(link.bp, `here: ${d(result.name, from.name)} = ${rule || '…'}`);
      const {box} = cards.get(id);
      if (box) for (const bp of new Set(links.filter(({v}) => around(numbered[v].home).includes(box)).map(link => link.bp))) light(bp, `at work inside of ${box.text}`);
    }
    for (const eq of document.querySelectorAll('.eq')) {
      eq.classList.toggle('on', lit.has(eq.dataset.eq));
      eq.querySelector('.here').textContent = (lit.get(eq.dataset.eq) || []).join('; ').replaceAll('; here: ', '; ');
    }
    const text = said || (picked ? (picked === result.id ? `${result.name} is where all paths end. Esc goes back to stepping.` :
      `${cards.get(picked).name} reaches ${result.name} by ${plural(found.count, 'path')} over ${plural(found.arrows.length, 'arrow')}. Esc goes back to stepping.`) : sentence());
    if ($('say').textContent !== text) $('say').textContent = text;
    said = '';
    if (keep) for (const word of ['value', 'grad']) for (const pre of document.querySelectorAll(`.its-${word}`)) pre.textContent = cards.get(picked)[word].join('\n');
    else $('why').replaceChildren(...(picked ? pathPanel(cards.get(picked), found) : stepPanel()).filter(Boolean));
    $('slider').value = at;
    $('slider').setAttribute('aria-valuetext', text);
    $('count').textContent = `step ${at} / ${last}`;
    $('first').disabled = $('back').disabled = at === 0 && !picked;
    $('next').disabled = at === last && !picked;
    const current = cards.get(picked || id);
    if (current && !keep) reveal(current.el);
    const others = modules ? modules.changed().map(box => box.id).join('.') : '';
    try { history.replaceState(null, '', `#step=${at}${others && '&modules=' + others}${picked ? '&node=' + encodeURIComponent(cards.get(picked).name) : ''}`); } catch { /* inside a notebook's frame */ }
  };
  const reveal = el => {  // scrolls the picture, and nothing else
    const frame = document.querySelector('main'), box = el.getBoundingClientRect(), view = frame.getBoundingClientRect(), room = 24;
    if (box.top < view.top + room || box.bottom > view.bottom - room) frame.scrollTop += (box.top + box.bottom - view.top - view.bottom) / 2;
    if (box.left < view.left + room || box.right > view.right - room) frame.scrollLeft += (box.left + box.right - view.left - view.right) / 2;
  };
  const go = step => { picked = null; at = Math.max(0, Math.min(last, step)); show(); };
  const pick = id => { picked = picked === id ? null : id; stop(); show(); };
  const stop = () => { clearInterval(timer); timer = null; $('play').textContent = 'play'; };
  const play = () => {
    if (timer) return stop();
    if (at === last) at = -1;
    go(at + 1);
    $('play').textContent = 'pause';
    timer = setInterval(() => at === last ? stop() : go(at + 1), 1100);
  };
  const read = () => {
    const wanted = new URLSearchParams(location.hash.slice(1)), name = wanted.get('node'), others = (wanted.get('modules') || '').split('.');
    const which = modules ? modules.all.filter(box => box.open !== (box.wanted !== others.includes(box.id))) : [];
    if (which.length) toggle(which, false);
    at = Math.max(0, Math.min(last, Math.trunc(+wanted.get('step')) || 0));
    const card = name && ([...cards.values()].find(c => c.name === name || c.id === name) || everyone.find(c => c.name === name));
    picked = card ? (cards.has(card.id) ? card : standsFor(card)).id : null;
    show();
  };

  document.body.classList.add('live');
  svg.setAttribute('role', 'group');
  $('first').addEventListener('click', () => { stop(); go(0); });
  $('back').addEventListener('click', () => { stop(); go(at - (picked ? 0 : 1)); });
  $('next').addEventListener('click', () => { stop(); go(at + (picked ? 0 : 1)); });
  $('play').addEventListener('click', play);
  $('slider').addEventListener('input', event => { stop(); go(+event.target.value); });
  addEventListener('hashchange', read);
  addEventListener('keydown', event => {
    const typing = event.target.tagName === 'INPUT' && event.target.type === 'number', pressed = event.key;
    if (event.altKey || event.ctrlKey || event.metaKey || (typing && pressed !== 'Escape')) return;
    const near = selector => event.target.closest && event.target.closest(selector), card = near('.cards > g'), badge = near('.badge');
    const press = badge ? () => badge.dispatchEvent(new MouseEvent('click', {bubbles: true})) : card ? () => pick(card.id) : null;
    const act = {
      ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(last),
      Escape: () => { picked = null; stop(); show(); }, ' ': press || (event.target.tagName === 'BUTTON' ? null : play),
      Enter: press, o: modules && boxHere() ? () => toggle([boxHere()]) : null,
    }[pressed];
    if (!act) return;
    event.preventDefault();
    if (pressed !== ' ') stop();
    act();
  });
  regroup();
  read();
})();
