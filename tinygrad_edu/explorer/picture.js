// The picture as render/svg.py writes it: the numbers on cards, read and written anew, and the chips on arrows.
const picture = (() => {
  const svg = document.querySelector('svg.tg'), groups = {};
  for (const name of ['boxes', 'arrows', 'cards']) groups[name] = svg.querySelector(`.${name}`);
  const ADVANCE = 6.02, PAD = 9, LINE = 13, LONGEST = 14;  // as in render/sizes.py and explorer/record.py
  const s = (name, attributes = {}, ...children) => {
    const element = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter(child => child !== null && child !== ''));
    return element;
  };
  const short = x => String(Math.round(x * 10) / 10);
  const shorten = (text, longest) => text.length <= longest ? text :
    text.slice(0, longest - 1 - (longest - 1 >> 1)) + '…' + text.slice(text.length - (longest - 1 >> 1));

  // --- numbers
  const linesOf = text => {
    const lines = text ? [''] : [];
    if (text) for (const node of text.childNodes) {
      if (node.hasAttribute && node.hasAttribute('dy')) lines.push('');
      lines[lines.length - 1] += node.textContent;
    }
    return lines.map(line => line.slice(6));
  };
  const put = (text, word, lines, space) => {  // what isn't finite in red; what is longer than the card is wide, squeezed
    const head = k => (k ? '' : word).padEnd(6), room = space - 6 * ADVANCE;
    text.replaceChildren(...lines.flatMap((line, k) => {
      const parts = line.split(/(-?\b(?:nan|inf)\b)/).map((part, i) => i % 2 ? s('tspan', {class: 'bad'}, part) : part);
      const squeezed = line.length * ADVANCE > room ? {textLength: room, lengthAdjust: 'spacingAndGlyphs'} : {};
      const label = s('tspan', k ? {x: PAD, dy: LINE} : {}, head(k));
      return k || word === 'value' || squeezed.textLength ? [label, s('tspan', squeezed, ...parts)] : [head(k), ...parts];
    }));
  };
  const write = (card, word, lines) => {
    const text = card.el.querySelector(`text.${word}`);
    if (!text || text.dataset.lines === lines.join('\n')) return;
    text.dataset.lines = lines.join('\n');
    put(text, word, lines, card.el.querySelector('rect').width.baseVal.value - 2 * PAD);
  };

  // --- arrows
  const pointsOf = path => {
    let x = 0, y = 0;
    return [...path.getAttribute('d').matchAll(/([MHVC])([^A-Z]*)/g)].map(([, step, rest]) => {
      const numbers = rest.trim().split(/[ ,]+/).map(Number);
      if (step === 'H') [x] = numbers; else if (step === 'V') [y] = numbers; else [x, y] = numbers.slice(-2);
      return [x, y];
    });
  };
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = 'bold 9.5px Helvetica,Arial,sans-serif';
  // A text in the middle of the longest piece of an arrow, or before its tip where the text of a box is in the way.
  const chip = (el, text) => {
    if (el.querySelector('.chip')) return;
    text = shorten(text.length > LONGEST ? text.replace(/(?:[\p{L}\p{N}_]+\.)+(?=[\p{L}_])/gu, '') : text, LONGEST);
    const points = pointsOf(el.children[0]), width = Math.ceil(pen.measureText(text).width) + 12, half = width / 2;
    const length = k => Math.abs(points[k + 1][0] - points[k][0]) + Math.abs(points[k + 1][1] - points[k][1]);
    let longest = 0;
    for (let k = 1; k < points.length - 1; k++) if (length(k) > length(longest)) longest = k;
    const [[a, b], [u, v]] = [points[longest], points[longest + 1]], end = points[points.length - 1], before = points[points.length - 2];
    let [x, y] = [(a + u) / 2, (b + v) / 2];
    for (const head of groups.boxes.querySelectorAll('text')) {
      const [left, top, across] = ['x', 'y', 'textLength'].map(name => +head.getAttribute(name));
      if (x + half < left || left + across < x - half || top + 8 < y - 7.5 || y + 7.5 < top - 16) continue;
      [x, y] = Math.abs(end[1] - before[1]) < Math.abs(end[0] - before[0]) ? [end[0] - half, end[1]] : [end[0], end[1] - 7];
      break;
    }
    const inner = Math.max(width - 15, 0.5);
    el.append(s('g', {class: 'chip'}, s('path', {d: `M${short(x - inner / 2)} ${short(y)}h${short(inner)}`}), s('text', {x: short(x), y: short(y + 3.5)}, text)));
  };

  return {svg, groups, s, short, linesOf, put, write, chip};
})();
