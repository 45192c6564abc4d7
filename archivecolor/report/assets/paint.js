// Painting hints: strokes of color on a transparent layer, saved as what `archivecolor folder --hints-dir` reads.
// Strokes are kept in this browser by their layer, so that they are still there when the picture is made again.

const COLORS = [
  ["Skin", "#d9a78b"],
  ["Hair, brown", "#6f5038"],
  ["Red", "#a8322b"],
  ["Brick", "#9c5a41"],
  ["Orange", "#c9772e"],
  ["Wood", "#8a6a45"],
  ["Yellow", "#cdb04c"],
  ["Grass", "#6f8a3c"],
  ["Leaves", "#4d6b3a"],
  ["Sea", "#4f8a8e"],
  ["Sky", "#8fb3d3"],
  ["Blue", "#35538c"],
  ["Violet", "#77568f"],
  ["No color", "#808080"],
];

const painting = {
  key: `archivecolor:${data.run}:strokes`,
  byLayer: {},
  item: null,
  layer: "",
  color: COLORS[0][1],
  stroke: null,
  folder: null,

  setUp() {
    const canvas = element("paint");
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.draw(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.end());
    element("paint-colors").replaceChildren(...COLORS.map(colorChoice));
    element("paint-other").addEventListener("input", ({ target }) => this.choose(target.value));
    element("paint-start").addEventListener("click", () => this.start());
    element("paint-undo").addEventListener("click", () => this.undo());
    element("paint-save").addEventListener("click", () => this.save());
    element("paint-done").addEventListener("click", () => this.leave());
    this.choose(this.color);
  },

  /** Of a sheet it is a frame or a page that is painted on. */
  get canStart() {
    return viewer.item.shown && viewer.item.status === "colored" && !viewer.onSheet;
  },

  get strokes() {
    return this.byLayer[this.layer] ?? [];
  },

  start() {
    const { item, frame } = viewer;
    if (!this.canStart) {
      say(viewer.onSheet ? "Choose one of them to paint on." : "Hints are painted on what was colored.");
      return;
    }
    this.item = item;
    this.layer = layerOf(item, frame);
    this.load();
    const [canvas, picture] = [element("paint"), element("after")];
    film.node.pause();
    film.node.controls = false; // they would lie over what is painted
    canvas.width = frame === PLAY ? film.node.videoWidth : picture.naturalWidth;
    canvas.height = frame === PLAY ? film.node.videoHeight : picture.naturalHeight;
    viewer.node.classList.add("painting");
    this.show();
    element("paint-done").focus();
  },

  leave() {
    if (!this.item) return;
    this.end();
    this.item = null;
    film.node.controls = true;
    viewer.node.classList.remove("painting");
    element("paint-start").focus();
  },

  choose(color) {
    this.color = color;
    for (const choice of element("paint-colors").querySelectorAll("input")) choice.checked = choice.value === color;
  },

  begin(event) {
    if (event.button > 0) return;
    event.stopPropagation();
    element("paint").setPointerCapture(event.pointerId);
    const { width, height } = element("paint");
    const share = Number(element("paint-width").value) / 100;
    this.stroke = { color: this.color, width: Math.max(2, share * Math.min(width, height)), points: [] };
    this.byLayer[this.layer] = [...this.strokes, this.stroke];
    this.draw(event);
  },

  draw(event) {
    if (!this.stroke) return;
    const canvas = element("paint");
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    this.stroke.points.push(Math.round(x), Math.round(y));
    this.show();
  },

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.keep();
  },

  undo() {
    if (!this.strokes.length) return;
    this.byLayer[this.layer] = this.strokes.slice(0, -1);
    if (!this.strokes.length) delete this.byLayer[this.layer];
    this.keep();
    this.show();
  },

  /** Other tabs may have painted meanwhile. Where nothing is kept, what this one holds stays. */
  load() {
    try {
      this.byLayer = JSON.parse(localStorage.getItem(this.key)) ?? this.byLayer;
    } catch {
      return;
    }
  },

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.byLayer));
    } catch {
      say("This browser does not keep strokes: save the layer before you close the page.", 8);
    }
  },

  show() {
    const canvas = element("paint");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.lineCap = context.lineJoin = "round";
    for (const { color, width, points } of this.strokes) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(points[0], points[1]);
      for (let i = 0; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
      context.stroke();
    }
    const none = this.strokes.length === 0;
    element("paint-undo").disabled = element("paint-save").disabled = none;
    element("paint-where").textContent = printable(this.layer);
  },

  /** Write the layer into the folder of hints, which is asked for once; where a browser cannot, hand it out as a file. */
  async save() {
    const item = this.item;
    if (!item || !this.strokes.length) return;
    if (LONE_BYTE.test(item.source)) {
      say("A browser cannot write this name. Paint on a layer with a picture editor.", 8);
      return;
    }
    const layer = await new Promise((resolve) => element("paint").toBlob(resolve, "image/png"));
    const parts = this.layer.split("/");
    try {
      this.folder ??= await window.showDirectoryPicker({ id: "hints", mode: "readwrite" });
      await written(this.folder, parts, layer);
      say(`Written to ${printable([this.folder.name, ...parts].join("/"))}`, 6);
    } catch (e) {
      if (e.name === "AbortError") return;
      this.folder = null;
      handOut(layer, parts.at(-1));
      say(`Move it to ${printable(`HINTS/${parts.join("/")}`)}`, 10);
    }
  },
};

/** Where a layer belongs, in the folder of hints: in a picture's place, or below it by a frame's time or a page's number. */
function layerOf(item, frame) {
  if (frame === null) return `${item.source}.png`;
  const which = frame === PLAY ? film.time : item.frames[frame][0];
  return `${item.source}/${item.kind === "film" ? hyphenated(which) : which}.png`;
}

/** A time that a file can be named after: '0-01-02.500'. */
function hyphenated(seconds) {
  const ms = Math.round(seconds * 1000);
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${h}-${two(m)}-${two(s)}.${String(ms % 1000).padStart(3, "0")}`;
}

function colorChoice([name, color]) {
  const label = made("label", "paint-color");
  const input = made("input");
  Object.assign(input, { type: "radio", name: "paint-color", value: color, title: name });
  input.setAttribute("aria-label", name);
  input.style.setProperty("--color", color);
  input.addEventListener("input", () => painting.choose(color));
  label.append(input);
  return label;
}

async function written(folder, parts, content) {
  let place = folder;
  for (const part of parts.slice(0, -1)) place = await place.getDirectoryHandle(part, { create: true });
  const file = await place.getFileHandle(parts.at(-1), { create: true });
  const stream = await file.createWritable();
  await stream.write(content);
  await stream.close();
}
