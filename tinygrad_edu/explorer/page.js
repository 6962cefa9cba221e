'use strict';
// Steps through a reverse pass. Python has drawn the picture; this toggles classes on it and fills the panels.
// A changed number runs the programs of all ops and rules again (arrays.js), and rewrites the texts (numbers.js).
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = id => document.getElementById(id);
  const svg = document.querySelector('svg.tg');

  // What the picture says of a card, it says of it: its line of code, its kind, its shape, its numbers.
  const linesOf = text => {
    const lines = text ? [''] : [];
    if (text) for (const node of text.childNodes) {
      if (node.hasAttribute && node.hasAttribute('dy')) lines.push('');
      lines[lines.length - 1] += node.textContent;
    }
    return lines.map(line => line.slice(6));
  };
  data.cards.forEach((card, number) => {
    card.id = `n${number}`;
    card.el = $(card.id);
    const text = kind => card.el.querySelector(`text.${kind}`), shape = text('shape');
    card.kind = card.el.getAttribute('class') || 'operation';
    card.computed = 'source' in card;
    card.name ||= card.el.querySelector('text').firstElementChild.textContent;
    card.code ||= card.computed ? card.el.querySelector('text').textContent : card.name;
    card.shape = shape ? shape.textContent : 'scalar';
    card.value = linesOf(text('value'));
    card.grad = linesOf(text('grad'));
    [card.site, card.line] = card.computed ? data.sources[card.source] : ['', ''];
  });
  const cards = new Map(data.cards.map(card => [card.id, card]));
  const result = data.cards[data.cards.length - 1];
  const steps = [['', ''], ...data.cards.filter(c => c.computed).map(c => ['f', c.id]), ['s', result.id],
    ...data.cards.filter(c => c.computed && c.grad.length).reverse().map(c => ['b', c.id])];
  const last = steps.length - 1;
  const into = new Map(data.cards.map(c => [c.id, []])), from = new Map(data.cards.map(c => [c.id, []]));

  data.arrows.forEach((arrow, k) => {
    arrow.el = $(arrow.id);
    [arrow.u, arrow.v, arrow.p] = arrow.id.split('-');
    arrow.carries = !arrow.stops;
    arrow.k = k;
    into.get(arrow.v).push(arrow);
    from.get(arrow.u).push(arrow);
  });
  for (const card of data.cards) {
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
    if (card.arrivals.length > 1 && card.arrivals[0][1].sofar) {
      const arrived = card.arrivals.filter(([step]) => step <= at);
      if (arrived.length && arrived.length < card.arrivals.length) return arrived[arrived.length - 1][1].sofar;
    }
    return card.grad;
  };

  const write = (card, word, lines) => {
    const text = card.el.querySelector(`text.${word}`);
    if (!text || text.dataset.lines === lines.join('\n')) return;
    text.dataset.lines = lines.join('\n');
    const x = text.getAttribute('x'), room = card.el.querySelector('rect').width.baseVal.value - 2 * x, advance = 6.02;
    text.textContent = '';
    lines.forEach((line, k) => {
      const span = document.createElementNS(svg.namespaceURI, 'tspan');
      if (k) { span.setAttribute('x', x); span.setAttribute('dy', 13); }
      const head = (k ? '' : word).padEnd(6);
      if (word === 'value' && !k) {
        const label = document.createElementNS(svg.namespaceURI, 'tspan');
        label.textContent = head;
        text.append(label);
      }
      const written = word === 'value' && !k ? line : head + line;
      const space = word === 'value' && !k ? room - 6 * advance : room;
      written.split(/(-?\b(?:nan|inf)\b)/).forEach((part, i) => {
        if (i % 2) {
          const bad = document.createElementNS(svg.namespaceURI, 'tspan');
          bad.setAttribute('class', 'bad');
          bad.textContent = part;
          span.append(bad);
        } else span.append(part);
      });
      if (written.length * advance > space) {  // a longer number than the card was made for
        span.setAttribute('textLength', space);
        span.setAttribute('lengthAdjust', 'spacingAndGlyphs');
      }
      text.append(span);
    });
  };

  // --- paths -----------------------------------------------------------------------------------------------
  const pathsFrom = id => {
    const reached = new Set([id]), counts = new Map([[id, 1n]]), order = data.cards.map(c => c.id);
    for (const each of order) if (reached.has(each)) for (const arrow of from.get(each)) {
      reached.add(arrow.v);
      counts.set(arrow.v, (counts.get(arrow.v) || 0n) + counts.get(each));
    }
    const arrows = data.arrows.filter(arrow => reached.has(arrow.u));
    return {arrows, reached, count: counts.get(result.id) || 0n};
  };

  // --- panels ----------------------------------------------------------------------------------------------
  const where = card => card.computed && h('p', {class: 'where'}, `${card.site}   `, h('span', {class: 'code'}, card.line || card.code));
  const ruleOf = (arrow, card) => {
    const source = cards.get(arrow.u), name = d(result.name, source.name);
    const several = source.arrivals.length > 1;
    const box = h('div', {class: 'rule'}, h('div', {class: 'code'}, h('b', {}, name), ` ${several ? '+=' : '='} `,
      arrow.rule || (arrow.words ? '' : card.inside ? 'what comes back through everything inside' : '…')));
    if (arrow.words) box.append(h('div', {class: 'note'}, arrow.words));
    if (arrow.number) box.append(h('div', {class: 'sum'}, h('span', {class: 'code'}, `${d(card.name, source.name)}: ${arrow.local} =`), block(arrow.number)));
    else if (arrow.local && !['1', '−1'].includes(arrow.local)) box.append(h('div', {class: 'note code'}, `${d(card.name, source.name)}: ${arrow.local}`));
    const sum = h('div', {class: 'sum'});
    const place = source.arrivals.findIndex(([, a]) => a === arrow);
    if (several && arrow.adds) {
      if (place > 0) sum.append(block(source.arrivals[place - 1][1].sofar), h('span', {}, '+'), block(arrow.adds), h('span', {}, '='), block(arrow.sofar, 'new'),
        h('span', {}, `${d(result.name, source.name)}: old + new = sum, for ${source.name} is used more than once`));
      else sum.append(h('span', {}, '='), block(arrow.adds, 'new'), h('span', {}, `the first of ${source.arrivals.length} parts`));
    } else if (!several) sum.append(h('span', {}, '='), block(source.grad, 'new'));
    if (sum.children.length) box.append(sum);
    if (arrow.stretched) box.append(h('div', {class: 'note'}, `Forward stretched ${source.name}, ${arrow.stretched}: each of its numbers was used several times, so backward adds up what comes back.`));
    return box;
  };
  const arithmetic = card => {
    const values = into.get(card.id).map(arrow => cards.get(arrow.u));
    return h('div', {class: 'sum'}, ...[...new Set(values)].flatMap(v => [h('span', {class: 'code'}, `${v.name} =`), block(v.value)]),
      h('span', {class: 'code'}, `${values.length ? '→ ' : ''}${card.name} =`), block(card.value, 'new'));
  };
  const stepPanel = () => {
    const [what, id] = steps[at], card = cards.get(id);
    if (!what) return [h('h2', {}, 'how to read this'), h('p', {class: 'note'}, ...data.facts.flatMap(fact => [fact, h('br')])),
      h('p', {class: 'note'}, h('kbd', {}, '→'), ' runs the next line, ', h('kbd', {}, '←'), ' goes back, ', h('kbd', {}, 'Home'), ' ', h('kbd', {}, 'End'),
        ' go to the ends, ', h('kbd', {}, 'Space'), ' plays. Click a card (or ', h('kbd', {}, 'Tab'), ' to it and press ', h('kbd', {}, 'Enter'),
        `) to see its paths to ${result.name}${data.program ? ', and to change its numbers if it is given' : ''}; `, h('kbd', {}, 'Esc'), ' goes back to stepping.'),
      data.program ? null : h('p', {class: 'note'}, `Numbers can't be changed here: ${data.off}.`)];
    if (what === 'f') return [h('h2', {}, 'forward: one line of code'), where(card), h('div', {class: 'code'}, card.code), arithmetic(card)];
    if (what === 's') return [h('h2', {}, 'where backward starts'), h('div', {class: 'code'}, h('b', {}, `${d(result.name, result.name)} = 1`)),
      h('p', {class: 'note'}, `If ${result.name} grows by a little, ${result.name} grows by just that. From here gradients go against the arrows.`)];
    return [h('h2', {}, `chain rule at ${card.name}`), where(card),
      h('div', {class: 'sum'}, h('span', {class: 'code'}, `arrived: g = ${d(result.name, card.name)} =`), block(card.grad)),
      ...into.get(id).filter(a => a.carries).map(arrow => ruleOf(arrow, card)),
      ...[...new Set(into.get(id).filter(a => !a.carries).map(a => cards.get(a.u).name))].map(name =>
        h('div', {class: 'rule'}, h('div', {class: 'note'}, `${name} needs no gradient: nothing goes back to it.`)))];
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
    return out;
  };

  // --- changing a number -----------------------------------------------------------------------------------
  const special = {nan: NaN, inf: Infinity, '-inf': -Infinity};
  const program = data.program;
  const given = {}, first = {};
  const single = program && program.single ? Math.fround : x => x;
  const eps = program && program.single ? 2 ** -23 : 2 ** -52;
  if (program) for (const [id, a] of Object.entries(program.given)) {
    first[id] = a.n.map(x => special[x] ?? x);
    given[id] = {n: [...first[id]], s: a.s};
  }
  const compute = () => {
    const values = {...given}, grads = {[result.id]: {n: [1], s: []}};
    const named = card => Object.fromEntries(into.get(card.id).map(arrow => [arrow.p, values[arrow.u]]));
    const {table, calls, rules} = program;
    data.cards.filter(card => card.computed).forEach((card, k) => { values[card.id] = arrays.run(table[calls[k]], named(card), single); });
    grads[result.id].s = arrays.shape(values[result.id]);
    for (const [what, id] of steps) if (what === 'b') {
      const card = cards.get(id), known = {...named(card), out: values[id], g: grads[id]};
      for (const arrow of into.get(id)) if (arrow.carries) {
        const [rule, local] = rules[arrow.k], before = grads[arrow.u];
        arrow.brought = arrays.run(table[rule], known, single);
        if (typeof arrow.brought === 'number') arrow.brought = {n: arrays.numbers(values[arrow.u]).map(() => arrow.brought), s: arrays.shape(values[arrow.u])};
        grads[arrow.u] = before ? arrays.run(['add', ['x'], ['y']], {x: before, y: arrow.brought}, single) : arrow.brought;
        arrow.total = grads[arrow.u];
        arrow.now = local < 0 ? null : arrays.run(table[local], known, single);
      }
    }
    return {values, grads};
  };
  const kindOf = id => program.kinds[id] || 'f';
  const gridOf = (array, kind = 'f') => kind === 'f' ? writing.grid(array, eps) :
    writing.grid(array, 0).map(row => row.map(x => kind === 'b' ? (+x ? 'True' : 'False') : x));
  const rewrite = () => {
    const {values, grads} = compute();
    for (const card of data.cards) {
      const grids = [gridOf(values[card.id], kindOf(card.id)), ...(card.grad.length ? [gridOf(grads[card.id])] : [])];
      const [value, grad] = writing.aligned(grids);
      card.value = value;
      if (grad) card.grad = grad;
      write(card, 'value', card.value);
      if (grad) write(card, 'grad', shownGrad(card));
      const note = card.el.querySelector('text.paths');
      if (note) note.textContent = '';
    }
    for (const arrow of data.arrows) if (arrow.carries) {
      const lines = array => writing.aligned([writing.grid(array, eps)])[0];
      if (arrow.adds) { arrow.adds = lines(arrow.brought); arrow.sofar = lines(arrow.total); }
      if (arrow.number) arrow.number = lines(arrow.now);
    }
    document.body.dataset.result = arrays.numbers(values[result.id])[0];
    return {values, grads};
  };
  const changed = id => given[id].n.some((x, k) => !Object.is(x, first[id][k]));
  const index = (s, k) => { const out = []; for (let i = s.length - 1; i >= 0; i--) { out.unshift(k % s[i]); k = Math.floor(k / s[i]); } return out.length ? `[${out.join(', ')}]` : ''; };
  const editor = card => {
    if (!program) return [h('p', {class: 'note'}, `Its numbers can't be changed: ${data.off}.`)];
    if (kindOf(card.id) !== 'f') return [h('p', {class: 'note'}, 'Whole numbers stay as they are here.')];
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
        a.n[k] = single(+input.value);
        const after = rewrite();
        const step = a.n[k] - old, was = arrays.numbers(before.values[result.id])[0], is = arrays.numbers(after.values[result.id])[0];
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
    for (const card of data.cards) {
      const full = picked !== null;
      shownAs(card.el, {v: full || at >= card.at, g: full || at >= card.back, now: !picked && card.id === id, picked: card.id === picked,
        dim: found && !found.reached.has(card.id)});
      if (card.arrivals.length > 1) write(card, 'grad', full ? card.grad : shownGrad(card));
      card.el.setAttribute('aria-pressed', card.id === picked);
    }
    const on = found && new Set(found.arrows);
    for (const arrow of data.arrows) shownAs(arrow.el, {
      on: !picked && what === 'f' && arrow.v === id, back: !picked && what === 'b' && arrow.v === id && arrow.carries,
      path: on && on.has(arrow), dim: on && !on.has(arrow)});
    const lit = new Map();
    if (!picked && what === 'b') for (const arrow of into.get(id)) if (arrow.carries && arrow.bp)
      lit.set(arrow.bp, [...(lit.get(arrow.bp) || []), `${d(result.name, cards.get(arrow.u).name)} = ${arrow.rule || '…'}`]);
    for (const eq of document.querySelectorAll('.eq')) {
      eq.classList.toggle('on', lit.has(eq.dataset.eq));
      eq.querySelector('.here').textContent = (lit.get(eq.dataset.eq) || []).map(t => `here: ${t}`).join('; ');
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
    try { history.replaceState(null, '', `#step=${at}${picked ? '&node=' + encodeURIComponent(cards.get(picked).name) : ''}`); } catch { /* inside a notebook's frame */ }
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
    const wanted = new URLSearchParams(location.hash.slice(1)), name = wanted.get('node');
    at = Math.max(0, Math.min(last, Math.trunc(+wanted.get('step')) || 0));
    const card = name && data.cards.find(c => c.name === name || c.id === name);
    picked = card ? card.id : null;
    show();
  };

  document.body.classList.add('live');
  svg.setAttribute('role', 'group');
  for (const card of data.cards) {
    for (const [key, value] of [['tabindex', 0], ['role', 'button'], ['aria-label', `${card.code}, ${card.kind}, ${card.shape}`]]) card.el.setAttribute(key, value);
    card.el.addEventListener('click', () => pick(card.id));
    for (const word of ['value', 'grad']) { const text = card.el.querySelector(`text.${word}`); if (text) text.dataset.lines = card[word].join('\n'); }
  }
  $('slider').max = last;
  $('first').addEventListener('click', () => { stop(); go(0); });
  $('back').addEventListener('click', () => { stop(); go(at - (picked ? 0 : 1)); });
  $('next').addEventListener('click', () => { stop(); go(at + (picked ? 0 : 1)); });
  $('play').addEventListener('click', play);
  $('slider').addEventListener('input', event => { stop(); go(+event.target.value); });
  addEventListener('hashchange', read);
  addEventListener('keydown', event => {
    const typing = event.target.tagName === 'INPUT' && event.target.type === 'number', pressed = event.key;
    if (event.altKey || event.ctrlKey || event.metaKey || (typing && pressed !== 'Escape')) return;
    const card = event.target.closest && event.target.closest('.cards > g');
    const act = {
      ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(last),
      Escape: () => { picked = null; stop(); show(); }, ' ': card ? () => pick(card.id) : event.target.tagName === 'BUTTON' ? null : play,
      Enter: card ? () => pick(card.id) : null,
    }[pressed];
    if (!act) return;
    event.preventDefault();
    if (pressed !== ' ') stop();
    act();
  });
  read();
})();
