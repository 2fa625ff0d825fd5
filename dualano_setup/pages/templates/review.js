"use strict";
(() => {
  const main = document.querySelector("main.review");
  const words = JSON.parse(main.dataset.words);
  const by = (id) => document.getElementById(id);
  const image = by("image"), part = by("part"), mask = by("mask"), stage = by("stage"), brush = by("brush"), said = by("said");
  const ink = mask.getContext("2d", { willReadFrequently: true });
  let pairs = [], at = 0, painting = false, erasing = false, changed = false, busy = false;
  let radius = 8, spot = null, strokes = [], version = 0, told = {};

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name]);
  const say = (text) => { said.textContent = text; };
  const current = () => pairs[at];

  async function send(path, body) {
    if (busy) return null;
    busy = true;
    try {
      const answer = await fetch(path, { method: "POST", headers: { "X-Key": main.dataset.key }, body: body || "" });
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      if (!news.refused) return news;
      say(news.refused);
      return null;
    } catch { say(words.lost); return null; } finally { busy = false; }
  }

  function take(news) {
    told = news;
    pairs = news.pairs;
    by("counts").textContent = fill(words.counts, news);
  }

  function go(place) {
    if (!pairs.length) { say(words.none); return; }
    at = Math.max(0, Math.min(pairs.length - 1, place));
    leave();
    show();
  }

  function show() {
    const pair = current();
    const base = "picture/" + pair.index + "/";
    image.src = base + "image";
    part.src = base + "part";
    by("place").textContent = pair.name + " · " + fill(words.of, { number: at + 1, total: pairs.length });
    const pill = by("verdict");
    pill.textContent = pair.verdict ? words[pair.verdict] : pair.accepted ? words.measured_good : words.measured_bad;
    pill.className = "pill " + (pair.accepted ? "good" : "bad");
    const facts = pair.quality === null ? [] : [words.quality + " " + pair.quality.toFixed(2)];
    facts.push(...pair.measures.map(([name, value]) => name + " " + value), ...pair.reasons);
    if (pair.mask) facts.push(words.hand);
    by("why").textContent = facts.join(" · ");
    version += 1;
    load(pair, base + "mask?" + version, version);
  }

  function load(pair, address, mine) {
    mask.width = mask.width;
    image.onload = () => { if (mine === version && !pair.has_mask) size(image.naturalWidth, image.naturalHeight); };
    if (!pair.has_mask) return;
    const picture = new Image();
    picture.onload = () => {
      if (mine !== version) return;
      size(picture.naturalWidth, picture.naturalHeight);
      ink.drawImage(picture, 0, 0);
      const pixels = ink.getImageData(0, 0, mask.width, mask.height);
      for (let i = 0; i < pixels.data.length; i += 4)
        pixels.data.set([255, 0, 110, pixels.data[i] >= 128 ? 255 : 0], i);
      ink.putImageData(pixels, 0, 0);
    };
    picture.src = address;
  }

  function size(width, height) { mask.width = width; mask.height = height; changed = false; strokes = []; }

  async function decide(verdict) {
    if (changed) { say(words.unsaved); return; }
    const pair = current();
    if (!pair) return;
    const news = await send("decide?index=" + pair.index + "&verdict=" + verdict);
    if (!news) return;
    take(news);
    say(pair.name + ": " + words[verdict]);
    if (at + 1 < pairs.length) go(at + 1); else { show(); say(pair.name + ": " + words[verdict] + " · " + words.last); }
  }

  async function undo() {
    if (painting && strokes.length) { ink.putImageData(strokes.pop(), 0, 0); changed = strokes.length > 0; return; }
    const news = await send("undo");
    if (!news) return;
    take(news);
    if (news.changed === null) { say(words.nothing); return; }
    go(pairs.findIndex((one) => one.index === news.changed));
    say(current().name + ": " + words.back);
  }

  function leave() {
    painting = changed = false;
    strokes = [];
    press();
  }

  function press() {
    stage.classList.toggle("painting", painting);
    for (const [name, on] of [["paint", painting], ["erase", erasing], ["overlay", !stage.classList.contains("bare")]])
      document.querySelector('[data-do="' + name + '"]').setAttribute("aria-pressed", String(on));
  }

  function paint() {
    if (painting && changed) { say(words.unsaved); return; }
    painting = !painting;
    stage.classList.remove("bare");
    if (painting) { spot = spot || [mask.width / 2, mask.height / 2]; place(); say(erasing ? words.erasing : words.painting); stage.focus(); }
    press();
  }

  function place() {
    if (!spot) return;
    const scale = stage.clientWidth / mask.width;
    brush.style.setProperty("left", spot[0] * scale + "px");
    brush.style.setProperty("top", spot[1] * scale + "px");
    brush.style.setProperty("width", 2 * radius * scale + "px");
    brush.style.setProperty("height", 2 * radius * scale + "px");
  }

  function remember() {
    strokes.push(ink.getImageData(0, 0, mask.width, mask.height));
    if (strokes.length > 20) strokes.shift();
  }

  function stroke(from, to) {
    ink.globalCompositeOperation = erasing ? "destination-out" : "source-over";
    ink.strokeStyle = ink.fillStyle = "rgb(255,0,110)";
    ink.lineWidth = 2 * radius;
    ink.lineCap = ink.lineJoin = "round";
    ink.beginPath();
    ink.moveTo(from[0], from[1]);
    ink.lineTo(to[0] + 0.01, to[1]);
    ink.stroke();
    ink.globalCompositeOperation = "source-over";
    changed = true;
  }

  async function save() {
    if (!painting) return;
    const { width, height } = mask, stride = (width + 7) >> 3;
    const pixels = ink.getImageData(0, 0, width, height).data, bits = new Uint8Array(stride * height);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (pixels[4 * (y * width + x) + 3] >= 128) bits[y * stride + (x >> 3)] |= 128 >> (x & 7);
    const news = await send("mask?index=" + current().index + "&width=" + width + "&height=" + height, bits);
    if (!news) return;
    take(news);
    leave();
    show();
    say(words.saved);
  }

  const actions = {
    accept: () => decide("accepted"), reject: () => decide("rejected"), undo, paint, save,
    previous: () => changed ? say(words.unsaved) : go(at - 1), next: () => changed ? say(words.unsaved) : go(at + 1),
    open: () => {
      const found = pairs.findIndex((one, number) => number > at && !one.verdict);
      const first = pairs.findIndex((one) => !one.verdict);
      if (found >= 0 || first >= 0) go(found >= 0 ? found : first); else say(words.last);
    },
    overlay: () => { stage.classList.toggle("bare"); press(); },
    erase: () => { erasing = !erasing; press(); if (painting) say(erasing ? words.erasing : words.painting); },
    smaller: () => { radius = Math.max(1, radius - Math.max(1, radius >> 2)); place(); },
    larger: () => { radius = Math.min(256, radius + Math.max(1, radius >> 2)); place(); },
  };
  const keys = { a: "accept", r: "reject", u: "undo", m: "paint", e: "erase", o: "overlay", n: "open", s: "save", "[": "smaller", "]": "larger", ArrowLeft: "previous", ArrowRight: "next" };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (painting && event.key.startsWith("Arrow")) {
      const pace = event.shiftKey ? 1 : radius, [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      spot = [Math.max(0, Math.min(mask.width, spot[0] + dx * pace)), Math.max(0, Math.min(mask.height, spot[1] + dy * pace))];
      place();
    } else if (painting && event.key === " " && document.activeElement.tagName !== "BUTTON") {
      remember();
      stroke(spot, spot);
    } else if (painting && event.key === "Escape") {
      leave();
      show();
    } else if (event.key in keys) actions[keys[event.key]]();
    else return;
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());

  const point = (event) => {
    const box = mask.getBoundingClientRect();
    return [((event.clientX - box.left) * mask.width) / box.width, ((event.clientY - box.top) * mask.height) / box.height];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (!painting) return;
    stage.setPointerCapture(event.pointerId);
    remember();
    spot = point(event);
    stroke(spot, spot);
    place();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!painting) return;
    const next = point(event);
    if (event.buttons & 1) stroke(spot, next);
    spot = next;
    place();
  });
  window.addEventListener("resize", place);
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

  (async () => {
    try {
      take(await (await fetch("pairs", { cache: "no-store" })).json());
      const first = pairs.findIndex((one) => !one.verdict);
      go(first >= 0 ? first : 0);
    } catch { say(words.lost); }
  })();
})();
