// Swaps the sample that the picture shows, and shows the lines of the neuron that is pointed at.
// The lines and arrows are drawn by the same rules as in network_svg.py; a test compares the two.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const svg = document.querySelector(".net");
  const gaps = [...svg.querySelectorAll(".lines > g")];
  const neurons = data.ids.map(ids => ids.map(id => document.getElementById(id)));
  const circles = neurons.map(column => column.map(g => g.querySelector("circle")));
  const at = circle => ["cx", "cy", "r"].map(name => +circle.getAttribute(name));
  const panel = document.getElementById("panel");
  const weights = document.getElementById("weights");
  const hint = "Point at a neuron for its lines" + (svg.querySelector("[id^=w]") ? " and its weights" : "")
    + (data.samples.length > 1 ? "; press a digit, ← or → for another sample." : ".");
  const focus = document.createElementNS(svg.namespaceURI, "g");
  focus.setAttribute("class", "focus");
  svg.querySelector(".lines").append(focus);
  let sample = 0, pointed = null;

  const n = value => String(Math.round(value * 10) / 10);

  function paths(gap, wanted) {
    const ends = circles[gap + 1], found = new Map();
    data.samples[sample].gaps[gap].forEach((share, place) => {
      const from = Math.floor(place / ends.length), to = place % ends.length;
      if (!share || !wanted(from, to)) return;
      const [x0, y0, r0] = at(circles[gap][from]), [x1, y1, r1] = at(ends[to]);
      const strength = Math.floor((Math.abs(share) - data.faintest) * data.strengths / (101 - data.faintest));
      const key = strength * 2 + (share > 0);
      const line = `M${n(x0 + r0)} ${n(y0)}L${n(x1 - r1 - data.room)} ${n(y1)}`;
      found.set(key, (found.get(key) || "") + line);
    });
    return [...found.keys()].sort((a, b) => a - b)
      .map(key => `<path class="${key % 2 ? "up" : "down"} s${key >> 1}" d="${found.get(key)}"></path>`).join("");
  }

  function arrows() {
    return data.samples[sample].arrows.map((shares, place) => shares.map((share, i) => {
      if (!share) return "";
      const [cx, y, r] = at(circles[place][i]), half = (4 + Math.abs(share) * (data.arrow - 4) / 100) / 2;
      const x = cx - r - 7, sign = share > 0 ? -1 : 1, tip = y + sign * half, wing = n(tip - sign * 4.5);
      return `<path class="${share > 0 ? "up" : "down"}" d="M${n(x)} ${n(y - sign * half)}V${n(tip)}`
        + `M${n(x - 3.5)} ${wing}L${n(x)} ${n(tip)}L${n(x + 3.5)} ${wing}"></path>`;
    }).join("")).join("");
  }

  function answers(view) {
    [...svg.querySelectorAll(".answers > g")].forEach((group, place) => {
      group.setAttribute("class", place === view.winner ? "win" : "");
      const bar = group.querySelector("rect"), text = group.querySelector(".share"), mark = group.querySelector("path");
      if (!bar) return;
      const x = +bar.getAttribute("x");
      bar.setAttribute("width", view.bars[place]);
      const target = mark ? view.targets[place] : 0;
      text.textContent = view.answers[place];
      if (mark) mark.setAttribute("d", `M${n(x + target)} ${n(+bar.getAttribute("y") - 3)}${target ? "v16" : ""}`);
    });
  }

  function told(place, i) {
    const view = data.samples[sample];
    if (!view.sums[place].length) return data.names[place][i];
    const [sum, out, want] = ["sums", "outs", "wants"].map(name => view[name][place][i]), word = data.words[place];
    if (data.mode === "weights") return `${data.names[place][i]}: bias ${sum}`;
    return `${data.names[place][i]}: ${word ? `${word}(${sum}) = ${out}` : out}`
      + (want === undefined ? "" : `; −∂C/∂activation = ${want}`);
  }

  function show(number) {
    sample = number;
    const view = data.samples[sample];
    document.getElementById("about").textContent = view.about;
    const image = svg.querySelector("image.input");
    if (image && view.image) image.setAttribute("href", view.image);
    if (image) image.style.display = view.image ? "" : "none";
    gaps.forEach((group, gap) => { group.innerHTML = paths(gap, () => true); });
    circles.forEach((column, place) => column.forEach((circle, i) => {
      const grey = view.fills[place][i].toString(16).padStart(2, "0");
      circle.setAttribute("fill", `#${grey}${grey}${grey}`);
      neurons[place][i].querySelector("title").textContent = told(place, i);
      const value = neurons[place][i].querySelector("text");
      if (value) {
        value.textContent = view.values[place][i];
        value.setAttribute("fill", view.fills[place][i] < 128 ? "#ffffff" : "#111827");
      }
    }));
    svg.querySelector(".arrows").innerHTML = arrows();
    view.largest.filter(text => text).forEach((text, place) => {
      svg.querySelectorAll(".largest")[place].textContent = "largest arrow " + text;
    });
    answers(view);
    for (const button of document.querySelectorAll("#samples button"))
      button.setAttribute("aria-pressed", +button.dataset.sample === sample);
    point(pointed);
  }

  function point(neuron) {
    pointed = neuron;
    document.body.classList.toggle("focused", neuron !== null);
    weights.hidden = true;
    if (neuron === null) {
      focus.innerHTML = "";
      panel.textContent = hint;
      return;
    }
    const [place, i] = neuron, last = circles.length - 1;
    const after = place === 0 || (data.mode === "wants" && place < last);
    focus.innerHTML = after ? paths(place, from => from === i) : paths(place - 1, (_, to) => to === i);
    panel.textContent = told(place, i);
    const picture = place === 1 && document.querySelector(`#w${data.ids[1][i].split("-")[1]} image`);
    if (picture) {
      weights.src = picture.getAttribute("href");
      weights.hidden = false;
    }
  }

  neurons.forEach((column, place) => column.forEach((group, i) => {
    group.addEventListener("pointerenter", () => point([place, i]));
    group.addEventListener("pointerleave", () => point(null));
    group.addEventListener("focus", () => point([place, i]));
    group.addEventListener("blur", () => point(null));
  }));
  document.getElementById("samples")?.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button) show(+button.dataset.sample);
  });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const count = data.samples.length;
    if (event.key in data.keys) show(data.keys[event.key]);
    else if (event.key === "ArrowRight") show((sample + 1) % count);
    else if (event.key === "ArrowLeft") show((sample + count - 1) % count);
    else if (event.key === "Escape") { document.activeElement.blur(); point(null); }
    else return;
    event.preventDefault();
  });
  show(0);
})();
