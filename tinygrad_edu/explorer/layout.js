// Where cards, boxes and arrows stand when modules are open or closed, along the drawing and across it.
// Python has laid out each box by itself (levels.py). What is around an open box makes room for it: all that stands
// after its rank moves along, and its neighbours move apart across, everything beyond them too, so straight lines stay straight.
// `first` says which boxes Python has laid out open: lines need more room before a card than before a box.
const layout = (levels, parent, down, first) => {
  const GAP = 14, MARGIN = 14, PAD = 12, TIP = 12, ROOM = 14;  // as in render/routing.py and render/nesting.py
  const turned = ([width, height]) => down ? [height, width] : [width, height];
  const closed = box => 'c' + box.slice(1);

  // The level of a box with what is in it: its size, and where lengths from its corner go.
  const solve = (box, isOpen, size) => {
    const level = levels[box], {rows} = level, pad = box ? PAD : 0, limits = [], more = [];
    level.at = {};
    for (const [rank, rest, nodes] of level.grow || []) {
      let thick = rest, from = null, room = 0;
      for (const [x, inner] of nodes) {
        let before = 0, after = 0;
        if (inner) {
          const [along, across] = isOpen(inner) ? solve(inner, isOpen, size) : turned(size(closed(inner)));
          const low = x - (isOpen(inner) ? levels[inner].across(levels[inner].spine) : across / 2), [, , start, width] = level.boxes[inner];
          thick = Math.max(thick, along + (first(inner) && !isOpen(inner) ? 2 * ROOM : 0));
          before = Math.max(0, from === null ? pad - low : start - low);
          after = Math.max(0, low + across - start - width);
          level.at[inner] = {rank, x, low, along, across};
        }
        if (before + room > 0) limits.push([from, x, before + room]);
        [from, room] = [x, after];
      }
      more.push([rank, thick - rows[2 * rank + 1] + rows[2 * rank]]);
    }
    const shifts = [];
    const shift = x => { let found = 0; for (const [from, by] of shifts) { if (from > x) break; found = by; } return found; };
    let furthest = 0;
    for (const [from, x, need] of limits.sort((a, b) => a[1] - b[1])) {
      furthest = Math.max(furthest, (from === null ? 0 : shift(from)) + need);
      if (shifts.length && shifts[shifts.length - 1][0] === x) shifts[shifts.length - 1][1] = furthest;
      else shifts.push([x, furthest]);
    }
    level.along = y => {
      let moved = 0;
      for (const [rank, by] of more) { if (y <= rows[2 * rank]) break; moved += y < rows[2 * rank + 1] ? by / 2 : by; }
      return y + moved;
    };
    level.across = x => x + shift(x);
    const ends = Object.values(level.at).map(at => at.low + at.across + shift(at.x) + pad);
    level.now = [level.size[0] + more.reduce((sum, [, by]) => sum + by, 0), Math.max(level.size[1] + furthest, ...ends)];
    return level.now;
  };
  const settle = (box, along, across, isOpen) => {
    const level = levels[box];
    level.corner = [along, across];
    for (const [inner, at] of Object.entries(level.at)) {
      at.top = (begin(level, at.rank) + end(level, at.rank) - at.along) / 2;
      at.left = across + at.low + level.across(at.x) - at.x;
      if (isOpen(inner)) settle(inner, at.top, at.left, isOpen);
    }
  };
  const begin = (level, rank) => level.corner[0] + level.along(level.rows[2 * rank]);
  const end = (level, rank) => level.corner[0] + level.along(level.rows[2 * rank + 1]);

  // --- lines ---------------------------------------------------------------------------------------------------
  const around = home => { const chain = [home]; while (home) chain.push(home = parent[home] || ''); return chain; };
  // In a level a line goes by the card it comes from, or by the closed box that this card was in when Python laid it out.
  const named = (map, source) => {
    if (!map) return undefined;
    for (const name of [source.id, ...around(source.home).map(closed)]) if (map[name] !== undefined) return map[name];
    return undefined;
  };
  const passing = (level, runs, lane, first, last) => {
    const [along, across] = level.corner;
    if (lane !== undefined) {
      if (last === first + 1) return [];
      return [[last > first ? begin(level, first + 1) : end(level, first) + TIP, last > first ? end(level, last - 1) : begin(level, last) - TIP,
        across + level.across(lane)]];
    }
    return last > first + 1 ? (runs || []).filter(run => run[0] < last).map(([from, to, x]) =>
      [begin(level, from), end(level, Math.min(to, last - 1)), across + level.across(x)]) : [];
  };
  // The straight pieces of an arrow: from and to along, and where across.
  const stopsOf = ({from, to, source, position}, at) => {
    const outwards = around(from.home), inwards = around(to.home);
    while (outwards.length && inwards.length && outwards[outwards.length - 1] === inwards[inwards.length - 1]) { outwards.pop(); inwards.pop(); }
    const own = (level, first, last) => passing(level, named(level.trunks, source), named(level.lanes, source), first, last);
    const start = at.get(from), target = at.get(to);
    let level = levels[from.home], rank = start.rank;
    const stops = [[start.top + start.along, end(level, rank), start.left + start.across / 2]];
    for (const box of outwards) {
      const last = level.rows.length / 2 - 1, x = level.corner[1] + level.across(named(level.out, source)), outer = levels[parent[box] || ''];
      const place = outer.at[box];
      stops.push(...own(level, rank, last), [begin(level, last), begin(level, last), x], [place.top + place.along, end(outer, place.rank), x]);
      [level, rank] = [outer, place.rank];
    }
    for (const box of inwards.reverse()) {
      const place = level.at[box], inner = levels[box];
      const x = inner.corner[1] + inner.across(named(inner.in, source));
      stops.push(...own(level, rank, place.rank), [begin(level, place.rank), place.top, x], [begin(inner, 0), end(inner, 0), x]);
      [level, rank] = [inner, 0];
    }
    const name = `${to.id}-${position}`, label = level.labels && level.labels[name];
    if (label) stops.push(...own(level, rank, label[0]), [begin(level, label[0]), end(level, label[0]), level.corner[1] + level.across(label[1])],
      ...passing(level, level.trunks && level.trunks[name], level.lanes && level.lanes[name], label[0], target.rank));
    else stops.push(...own(level, rank, target.rank));
    return [...stops, [begin(level, target.rank), target.top, target.left + target.across / 2]];
  };
  // The places nearest to the ascending wishes that are at least a gap apart and lie between low and high.
  const apart = (wishes, gap, low, high) => {
    const blocks = [], places = [], most = high - gap * (wishes.length - 1);
    wishes.forEach((wish, k) => {
      blocks.push([wish - k * gap, 1]);
      for (let n = blocks.length; n > 1 && blocks[n - 2][0] / blocks[n - 2][1] >= blocks[n - 1][0] / blocks[n - 1][1]; n--) {
        const [total, count] = blocks.pop();
        blocks[n - 2][0] += total;
        blocks[n - 2][1] += count;
      }
    });
    for (const [total, count] of blocks) {
      const first = Math.min(Math.max(total / count, low), Math.max(most, low)), before = places.length;
      for (let k = 0; k < count; k++) places.push(first + gap * (before + k));
    }
    return places;
  };
  const meeting = (wishes, begin, size) => {
    const middle = begin + size / 2, low = Math.min(begin + MARGIN, middle), high = Math.max(begin + size - MARGIN, middle);
    return apart(wishes.map(wish => Math.min(Math.max(wish, low), high)), Math.min(GAP, (high - low) / Math.max(wishes.length - 1, 1)), low, high);
  };
  const corners = stops => {
    const points = [];
    for (let [from, to, x] of stops) for (const along of [from, to]) {
      const n = points.length;
      if (n && Math.abs(points[n - 1][1] - x) < 0.5) {
        x = points[n - 1][1];
        if (n > 1 && points[n - 2][1] === x) points.pop();
      }
      const last = points[points.length - 1];
      if (!last || last[0] !== along || last[1] !== x) points.push([along, x]);
    }
    return points;
  };

  // Where everything stands: the cards that are shown, {id, home}; the arrows, {from, to, source, position}, `source` being
  // the card of the whole graph that an arrow begins at; `size` gives the width and height of a card.
  return (cards, arrows, isOpen, size) => {
    solve('', isOpen, size);
    settle('', 0, 0, isOpen);
    const xy = (along, across) => down ? [across, along] : [along, across];
    const at = new Map(), places = new Map(), boxes = new Map(), routes = new Map(), arriving = new Map(), stops = new Map();
    for (const card of cards) {
      const level = levels[card.home], [along, across] = turned(size(card.id)), [top, left] = level.corner;
      const box = level.at['b' + card.id.slice(1)], leaf = level.leaves && level.leaves[card.id], own = level.cards && level.cards[leaf ? leaf[0] : card.id];
      let place;
      if (card.id[0] === 'c' && box) place = box;
      else {
        const [, y, x] = leaf || own, of = leaf ? own[2] + turned(size(leaf[0]))[1] / 2 : x + across / 2;
        place = {rank: own[0], along, across, top: top + level.along(y + along / 2) - along / 2, left: left + x + level.across(of) - of};
      }
      at.set(card, place);
      places.set(card, xy(place.top, place.left));
    }
    for (const [box, level] of Object.entries(levels)) if (box && around(box).every(b => !b || isOpen(b))) {
      const [x, y] = xy(...level.corner), [width, height] = turned(level.now), head = level.across(level.head);
      boxes.set(box, {x, y, width, height, head: x + (down ? head : level.head)});
    }
    const beside = ({from, to}) => { const {leaves} = levels[from.home]; return leaves && leaves[from.id] && leaves[from.id][0] === to.id; };
    for (const arrow of arrows) {
      if (!beside(arrow)) stops.set(arrow, stopsOf(arrow, at));
      const key = (beside(arrow) ? 'beside ' : '') + arrow.to.id;
      arriving.set(key, [...(arriving.get(key) || []), arrow]);
    }
    for (const [key, group] of arriving) {
      const target = at.get(group[0].to);
      if (key[0] === 'b') {
        const leaves = group.map(arrow => at.get(arrow.from)), meets = meeting(leaves.map(leaf => leaf.top + leaf.along / 2), target.top, target.along);
        group.forEach((arrow, k) => {
          const leaf = leaves[k], [a, b] = down ? [leaf.left + leaf.across, target.left] : [leaf.left, target.left + target.across];
          routes.set(arrow, {points: [xy(leaf.top + leaf.along / 2, a), xy(meets[k], b)], horizontal: !!down});
        });
        continue;
      }
      const comes = arrow => stops.get(arrow)[stops.get(arrow).length - 2][2];
      group.sort((a, b) => comes(a) - comes(b) || a.position - b.position);
      meeting(group.map(comes), target.left, target.across).forEach((x, k) => {
        const own = stops.get(group[k]);
        own[own.length - 1][2] = x;
        routes.set(group[k], {points: corners(own).map(([along, across]) => xy(along, across)), horizontal: !down});
      });
    }
    return {cards: places, boxes, routes, size: xy(...levels[''].now)};
  };
};
