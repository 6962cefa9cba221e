// What opens and closes modules: cards, boxes and arrows that weren't in the picture at first, made as render/svg.py
// writes them, and the picture laid out again (layout.js).
const building = (() => {
  const {svg, s, short, put} = picture;
  const PAD = 9, LINE = 13, HEAD = 24, NOTE = 12, GAP = 3, MARGIN = 16;  // as in render/sizes.py and svg.py

  const card = (id, [kind, name, made, shape, width, height, head, value, grad, notes], code) => {
    const given = ['input', 'target', 'constant', 'parameter', 'leaf'].includes(kind), el = s('g', {id, ...(kind ? {class: kind} : {})});
    if (/…/.test(name + made)) el.append(s('title', {}, code));
    el.append(s('rect', {width, height, rx: 8}),
      s('text', {x: PAD, y: 17, textLength: head}, s('tspan', {}, name), given ? s('tspan', {}, `  ${made}`) : ` = ${made}`),
      s('text', {class: 'shape', x: width - PAD, y: 17}, shape), s('path', {d: `M5 ${HEAD}H${width - 5}`}));
    let y = HEAD + 1;
    for (const note of notes) el.append(s('text', {class: 'note', x: PAD, y: (y += NOTE) - 1}, note));
    if (notes.length) y += GAP;
    for (const [word, lines] of [['value', value], ['grad', grad]]) if (lines.length) {
      const text = s('text', {class: word, x: PAD, y: (y += GAP) + 9});
      put(text, word, lines, width);
      el.append(text);
      y += LINE * lines.length;
    }
    return el;
  };
  const box = (id, text, width) => s('g', {id}, s('rect', {rx: 9}), s('text', {textLength: width}, text));
  const badge = (name, open) => {
    const el = s('g', {class: 'badge', tabindex: 0, role: 'button', 'aria-expanded': open, 'aria-label': `${open ? 'close' : 'open'} ${name}`},
      s('title', {}, `${open ? 'close' : 'open'} ${name}`), s('circle', {r: 8}), s('path', {d: open ? 'M-4 0h8' : 'M-4 0h8M0-4v8'}));
    return el;
  };

  const arrow = (id, kind) => s('g', {id, ...(kind === 'operation' ? {} : {class: kind})}, s('path'), s('path'));
  const draw = (el, points, horizontal) => {
    const n = points.length, [x, y] = points[n - 1], [a, b] = points[n - 2];
    const back = (horizontal ? x >= a : y >= b) ? -8 : 8;
    el.children[1].setAttribute('d', horizontal ? `M${short(x)} ${short(y)}l${back}-4v8z` : `M${short(x)} ${short(y)}l-4 ${back}h8z`);
    const line = [...points.slice(0, -1), horizontal ? [x + back, y] : [x, y + back]];
    let d = '';
    line.forEach(([u, v], k) => {
      if (!k) { d = `M${short(u)} ${short(v)}`; return; }
      const [p, q] = line[k - 1], [du, dv] = [u - p, v - q], at = (...numbers) => numbers.map(short).join(' ');
      const bend = (along, across) => along * Math.min(0.5 + 0.1 * Math.abs(across) / Math.max(Math.abs(along), 1), 0.9);
      if (Math.abs(du) < 0.05) d += `V${short(v)}`;
      else if (Math.abs(dv) < 0.05) d += `H${short(u)}`;
      else if (horizontal) d += `C${at(p + bend(du, dv), q, u - bend(du, dv), v, u, v)}`;
      else d += `C${at(p, q + bend(dv, du), u, v - bend(dv, du), u, v)}`;
    });
    el.children[0].setAttribute('d', d);
  };
  const resize = (width, height) => {
    const [w, h] = [width, height].map(size => short(size + 2 * MARGIN));
    for (const [name, value] of [['width', w], ['height', h], ['viewBox', `0 0 ${w} ${h}`]]) svg.setAttribute(name, value);
    const page = svg.querySelector('.page');
    page.setAttribute('width', w);
    page.setAttribute('height', h);
  };
  return {card, box, badge, arrow, draw, resize};
})();

// The boxes of a page. `ready` makes cards of data, `press` is called with the box whose mark is pressed.
const modulesOf = (data, ready, press) => {
  const {svg, groups, short} = picture, boxes = data.boxes;
  for (const [id, box] of Object.entries(boxes)) {
    const card = ready({...box.card, in: box.in, box}, 'c' + id.slice(1)), el = document.getElementById(id) || building.box(id, box.text, box.width);
    Object.assign(box, {id, card, el, drawn: !!box.open, open: !!box.open, wanted: !!box.wanted, brings: box.brings || {}, text: box.text || el.querySelector('text').textContent});
    box.badges = [card.el, el].map((of, open) => {
      const badge = building.badge(box.text, !!open), [x, y, width] = ['x', 'y', 'width'].map(name => of.querySelector('rect')[name].baseVal.value);
      badge.addEventListener('click', event => { event.stopPropagation(); press(box); });
      badge.setAttribute('transform', `translate(${x + width - 1} ${y + 1})`);
      of.append(badge);
      return badge;
    });
  }
  const all = Object.values(boxes), cards = [...data.cards, ...all.map(box => box.card)], everyone = new Map(cards.map(card => [card.id, card]));
  const around = home => { const chain = []; for (let box = boxes[home]; box; box = boxes[box.in]) chain.push(box); return chain; };
  const sizes = Object.fromEntries(cards.map(({id, el}) => [id, ['width', 'height'].map(name => el.querySelector('rect')[name].baseVal.value)]));
  const place = layout(data.levels, Object.fromEntries(all.map(box => [box.id, box.in])), data.down, id => boxes[id].drawn);
  const arrange = (shown, arrows) => {
    const at = place(shown, arrows, id => boxes[id].open, id => sizes[id]), xy = ([x, y]) => `translate(${short(x)} ${short(y)})`;
    for (const card of shown) card.el.setAttribute('transform', xy(at.cards.get(card)));
    for (const [id, {x, y, width, height, head}] of at.boxes) {
      const {el, badges} = boxes[id], [rect, text] = ['rect', 'text'].map(name => el.querySelector(name));
      for (const [name, value] of Object.entries({x, y, width, height})) rect.setAttribute(name, short(value));
      for (const [name, value] of Object.entries({x: head, y: y + 16})) text.setAttribute(name, short(value));
      badges[1].setAttribute('transform', xy([x + width - 1, y + 1]));
    }
    for (const arrow of arrows) {
      const chip = arrow.el.querySelector('.chip'), {points, horizontal} = at.routes.get(arrow);
      if (chip) chip.remove();
      building.draw(arrow.el, points, horizontal);
    }
    groups.boxes.replaceChildren(...[...at.boxes.keys()].map(id => boxes[id].el));
    groups.arrows.replaceChildren(...arrows.map(arrow => arrow.el));
    groups.cards.replaceChildren(...shown.map(card => card.el));
    building.resize(...at.size);
    document.body.className = `${at.size[0] > 1.25 * at.size[1] ? 'wide' : 'tall'} live`;
  };
  const standsFor = card => around(card.home).reduce((found, box) => box.open ? found : box.card, card);
  // Opens the boxes that are closed and closes those that are open. The step stays at the same moment of the
  // computation; of a module that is opened at its own step, it becomes the first step inside. `regroup` finds out
  // what is shown then, `show` shows it, at the step and with the card that is picked.
  const toggle = (which, focus, {steps, at, cards, picked}, regroup, show) => {
    const main = document.querySelector('main'), [box] = which, badge = () => box.badges[+box.open], before = badge().getBoundingClientRect();
    const [what, id] = steps[at], current = cards.get(id);
    for (const each of which) each.open = !each.open;
    const now = regroup(), find = test => Math.max(now.steps.findIndex(([kind, of]) => kind === what && test(now.cards.get(of))), 0);
    arrange(now.shown, now.arrows);
    const opened = current && current.box && current.box.open, card = everyone.get(picked);
    const step = !what ? 0 : what === 's' ? find(() => true) : find(card => card === current || (opened ? around(card.home).includes(current.box) : card === standsFor(current)));
    show(step, !card || now.cards.has(picked) ? picked : card.box && card.box.open ? null : standsFor(card).id);
    if (!focus && !what) {
      const [card, view] = [now.shown[0].el, main].map(el => el.getBoundingClientRect());
      main.scrollLeft += (card.left + card.right - view.left - view.right) / 2;
      main.scrollTop = 0;
    }
    if (!focus || !badge().isConnected) return;
    const after = badge().getBoundingClientRect();  // the mark stays where it is on the screen
    main.scrollLeft += after.left - before.left;
    main.scrollTop += after.top - before.top;
    badge().focus({preventScroll: true});
  };

  // --- in the panels
  const button = (h, text, act, off) => {
    const el = h('button', {type: 'button', class: 'small'}, text);
    el.disabled = !!off;
    el.addEventListener('click', act);
    return el;
  };
  const opener = (box, h, press) => box && h('p', {class: 'where'}, button(h, `${box.open ? 'close' : 'open'} ${box.text}`, () => press([box])), ' ', h('kbd', {}, 'O'));
  const note = (shown, plural, h, press) => {
    const many = (open, text) => { const which = all.filter(box => box.open !== open); return button(h, text, () => press(which, false), !which.length); };
    const count = cards => cards.filter(card => card.computed && !card.box).length;
    return h('p', {class: 'note'}, `${count(shown)} of ${plural(count(data.cards), 'operation')} shown, ${plural(shown.filter(card => card.box).length, 'module')} closed. `,
      'The marks + and − at the corners, or ', h('kbd', {}, 'O'), ' at a step, open and close them. ', many(true, 'open all'), ' ', many(false, 'close all'));
  };
  const changed = () => all.filter(box => box.open !== box.wanted);
  return {all, around, standsFor, toggle, opener, note, changed};
};
