// Painting hints: strokes of color on whatever is wrong, their preview, and the layer that `archivecolor folder` reads.

const COLORS = [
  ["Skin, light", "#d9a78b"],
  ["Skin, dark", "#8a5a40"],
  ["Hair, blond", "#b7955f"],
  ["Hair, brown", "#6f5038"],
  ["Red", "#a8322b"],
  ["Pink", "#cf8f97"],
  ["Brick", "#9c5a41"],
  ["Orange", "#c9772e"],
  ["Wood", "#8a6a45"],
  ["Khaki", "#8c8058"],
  ["Yellow", "#cdb04c"],
  ["Grass", "#6f8a3c"],
  ["Leaves", "#4d6b3a"],
  ["Sea", "#4f8a8e"],
  ["Sky", "#8fb3d3"],
  ["Blue", "#35538c"],
  ["Violet", "#77568f"],
  ["No color", "#808080"],
];
const RAMP_STEPS = 12;
const WIDTHS = { least: 0.5, most: 12, step: 0.5 };

const painting = {
  item: null,
  layer: "",
  color: COLORS[0][1],
  tool: "brush",
  stroke: null,
  luma: 0.5,

  setUp() {
    element("paint-colors").replaceChildren(...COLORS.map(colorChoice));
    element("paint-other").addEventListener("input", ({ target }) => this.choose(target.value));
    element("paint-start").addEventListener("click", () => this.start());
    element("paint-undo").addEventListener("click", () => this.undo());
    element("paint-clear").addEventListener("click", () => this.put([]));
    element("paint-save").addEventListener("click", () => saveLayers(strokes.layers));
    element("paint-again").addEventListener("click", () => makeAgain([this.item]));
    element("paint-done").addEventListener("click", () => this.leave());
    element("paint-preview").addEventListener("change", ({ target }) => this.showPreview(target.checked));
    element("paint-width").addEventListener("input", () => this.showBrush());
    for (const button of element("paint-tools").querySelectorAll("button")) {
      button.addEventListener("click", () => this.take(button.value));
    }
    element("reference-file").addEventListener("change", ({ target }) => showReference(target.files[0]));
    element("reference").addEventListener("click", (event) => this.choose(pickedFrom(event) ?? this.color));
    element("paint-again").hidden = !backend.live;
    this.choose(this.color);
    this.take("brush");
    strokes.changed.push((layer) => this.item && layer === this.layer && this.renew());
  },

  /** Of a sheet it is a frame or a page that is painted on. */
  get canStart() {
    return viewer.item.shown && viewer.item.status === "colored" && !viewer.onSheet;
  },

  get strokes() {
    return strokes.of(this.layer);
  },

  get sheet() {
    const { width, height } = element("paint");
    return { source: this.item.source, width, height };
  },

  async start() {
    const { item, frame } = viewer;
    if (!this.canStart) {
      say(viewer.onSheet ? "Choose one of them to paint on." : "Hints are painted on what was colored.");
      return;
    }
    this.item = item;
    this.layer = layerOf(item, frame);
    const [canvas, picture] = [element("paint"), element("after")];
    film.node.pause();
    film.node.controls = false; // they would lie over what is painted
    const kept = strokes.byLayer[this.layer];
    canvas.width = kept?.width ?? (frame === PLAY ? film.node.videoWidth : picture.naturalWidth);
    canvas.height = kept?.height ?? (frame === PLAY ? film.node.videoHeight : picture.naturalHeight);
    viewer.node.classList.add("painting");
    element("panel").scrollTop = 0;
    viewer.showMode();
    this.show();
    this.take("brush");
    element("paint-done").focus({ preventScroll: true });
    await preview.open(item, frame);
    if (this.item !== item) return;
    this.showTones(preview.middle);
    await preview.update(strokes.byLayer[this.layer]);
  },

  leave() {
    if (!this.item) return;
    this.end();
    this.item = null;
    preview.close();
    film.node.controls = true;
    viewer.node.classList.remove("painting");
    viewer.showMode();
    viewer.showFrames(viewer.item);
    element("paint-start").focus({ preventScroll: true });
  },

  choose(color) {
    this.color = color;
    if (this.tool !== "brush") this.take("brush");
    for (const choice of element("paint-colors").querySelectorAll("input")) choice.checked = choice.value === color;
    element("paint-other").value = color;
    this.showTones(this.luma);
    this.showBrush();
  },

  take(tool) {
    this.tool = tool;
    pressOne("paint-tools", tool);
    element("compare").dataset.tool = tool;
    this.showBrush();
  },

  thicken(by) {
    const field = element("paint-width");
    field.value = Math.min(WIDTHS.most, Math.max(WIDTHS.least, Number(field.value) + by * WIDTHS.step));
    this.showBrush();
  },

  /** Of the stroke, in pixels of the canvas. */
  get width() {
    const { width, height } = element("paint");
    return Math.max(2, (Number(element("paint-width").value) / 100) * Math.min(width, height));
  },

  /** The ring around the pointer, as wide as the stroke. */
  showBrush(event) {
    const ring = element("brush");
    const canvas = element("paint");
    if (!this.item || !canvas.clientWidth) return;
    ring.style.setProperty("--size", `${(this.width / canvas.width) * canvas.getBoundingClientRect().width}px`);
    ring.style.setProperty("--color", this.tool === "eraser" ? "transparent" : this.color);
    if (this.tool === "picker") ring.hidden = true;
    if (!event) return;
    ring.hidden = this.tool === "picker";
    const stage = element("stage").getBoundingClientRect();
    ring.style.translate = `${event.clientX - stage.x}px ${event.clientY - stage.y}px`;
    const [x, y] = sharesOf(event);
    const there = preview.at(x, y);
    if (there) this.showTones(there[0]);
  },

  /** Show every color as it will come out at a luma, and the chosen one at all of them. */
  showTones(luma) {
    if (!this.item) return;
    this.luma = luma;
    for (const choice of element("paint-colors").querySelectorAll("input")) {
      choice.style.setProperty("--shown", toneOf(choice.value, luma));
    }
    const ramp = element("paint-ramp");
    const stops = Array.from({ length: RAMP_STEPS + 1 }, (_, i) => toneOf(this.color, i / RAMP_STEPS));
    ramp.style.setProperty("--stops", stops.join(","));
    ramp.style.setProperty("--at", `${luma * 100}%`);
  },

  begin(event) {
    if (this.tool === "picker") {
      this.pick(event);
      return;
    }
    this.stroke = { color: this.color, width: this.width, points: [], ...(this.tool === "eraser" && { erase: true }) };
    this.draw(event);
  },

  pick(event) {
    const there = preview.at(...sharesOf(event));
    if (there) this.choose(hexOf(shownAt(...there)));
    else say("There is no color to be read here.");
  },

  draw(event) {
    if (!this.stroke) return;
    const canvas = element("paint");
    const [x, y] = sharesOf(event);
    this.stroke.points.push(Math.round(x * canvas.width), Math.round(y * canvas.height));
    this.show([...this.strokes, this.stroke]);
  },

  end() {
    if (!this.stroke) return;
    const drawn = [...this.strokes, this.stroke];
    this.stroke = null;
    this.put(drawn);
  },

  /** A second finger came: this was no stroke. */
  abandon() {
    this.stroke = null;
    this.show();
  },

  undo() {
    if (this.strokes.length) this.put(this.strokes.slice(0, -1));
  },

  put(drawn) {
    strokes.put(this.layer, this.sheet, drawn);
  },

  /** Strokes came, from here or from another window, where a stroke may be under way here. */
  renew() {
    this.show(this.stroke ? [...this.strokes, this.stroke] : this.strokes);
    preview.update(strokes.byLayer[this.layer]);
  },

  showPreview(wanted) {
    element("paint-preview").checked = wanted;
    preview.wanted = wanted;
    preview.update(strokes.byLayer[this.layer]);
  },

  show(drawn = this.strokes) {
    drawStrokes(element("paint"), { ...this.sheet, strokes: drawn });
    const none = drawn.length === 0;
    for (const id of ["paint-undo", "paint-clear", "paint-again"]) element(id).disabled = none;
    element("paint-save").disabled = strokes.layers.length === 0;
    element("paint-where").textContent = printable(this.layer);
  },
};

/** A place in shares of the picture's sides. */
function sharesOf(event) {
  const box = element("paint").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/** What a color comes out as at a luma. */
function toneOf(color, luma) {
  const [, a, b] = labOf(...partsOf(color));
  return hexOf(shownAt(luma, a, b));
}

function colorChoice([name, color]) {
  const label = made("label", "paint-color");
  const input = made("input");
  Object.assign(input, { type: "radio", name: "paint-color", value: color });
  input.style.setProperty("--color", color);
  input.addEventListener("input", () => painting.choose(color));
  label.append(input, made("span", "", name));
  return label;
}

/** Show a photograph of the user's to take colors from. */
function showReference(file) {
  if (!file) return;
  const picture = element("reference");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  picture.onerror = () => {
    picture.hidden = true;
    say("This browser cannot read that picture.");
  };
}

/** The color of a place in the reference: the mean of a few pixels. */
function pickedFrom(event) {
  const picture = element("reference");
  const box = picture.getBoundingClientRect();
  const context = Object.assign(made("canvas"), { width: 1, height: 1 }).getContext("2d");
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  const size = Math.max(1, picture.naturalWidth / 100);
  context.drawImage(picture, x * picture.naturalWidth - size / 2, y * picture.naturalHeight - size / 2, size, size, 0, 0, 1, 1);
  const [red, green, blue, cover] = context.getImageData(0, 0, 1, 1).data;
  return cover ? hexOf([red / 255, green / 255, blue / 255]) : null;
}
