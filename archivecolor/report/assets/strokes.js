// What was painted: for each layer, a PNG in the folder of hints, its strokes from the first to the last. They stay when
// the picture is made again.

const strokes = {
  /** {source, width, height, strokes: [{color, width, points, erase}]} by the layer's path below the folder of hints. */
  byLayer: {},
  bySource: new Map(),
  changed: [],

  async setUp() {
    this.byLayer = await backend.readStrokes();
    this.sort();
    backend.watchStrokes((layer, painted) => this.take(layer, painted));
  },

  sort() {
    this.bySource.clear();
    for (const [layer, { source }] of Object.entries(this.byLayer)) {
      this.bySource.set(source, [...(this.bySource.get(source) ?? []), layer]);
    }
  },

  of(layer) {
    return this.byLayer[layer]?.strokes ?? [];
  },

  get layers() {
    return Object.keys(this.byLayer).sort();
  },

  /** Put what was painted, here or elsewhere, in the place of what was on a layer; null is nothing. */
  take(layer, painted) {
    if (painted) this.byLayer[layer] = painted;
    else delete this.byLayer[layer];
    this.sort();
    for (const listener of this.changed) listener(layer);
  },

  /** Put strokes in the place of those of a layer, and keep them. */
  async put(layer, sheet, drawn) {
    this.take(layer, drawn.length ? { ...sheet, strokes: drawn } : null);
    if (!(await backend.writeStrokes(layer, this.byLayer[layer] ?? null))) {
      say("This browser does not keep strokes: save them before you close the page.", 8);
    }
  },
};

const strokesOf = (item) => strokes.bySource.get(item.source) ?? [];

/** Draw strokes, of a sheet of `width` and `height`, on a canvas of any size. */
function drawStrokes(canvas, { width, height, strokes: drawn }) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  context.lineCap = context.lineJoin = "round";
  for (const { color, width: thick, points, erase } of drawn) {
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.strokeStyle = color;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    for (let i = 0; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
  return context;
}

/** A layer as the PNG that `archivecolor folder --hints-dir` reads; null where all of it was rubbed out. */
async function pngOf(layer) {
  const sheet = strokes.byLayer[layer];
  const canvas = Object.assign(made("canvas"), { width: sheet.width, height: sheet.height });
  const { data: pixels } = drawStrokes(canvas, sheet).getImageData(0, 0, sheet.width, sheet.height);
  let covered = false;
  for (let i = 3; i < pixels.length && !covered; i += 4) covered = pixels[i] > 0;
  return covered ? new Promise((resolve) => canvas.toBlob(resolve, "image/png")) : null;
}

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

/** Save layers through the backend; says what became of them. */
async function saveLayers(layers) {
  const drawn = await Promise.all(layers.map(async (name) => ({ name, png: await pngOf(name) })));
  const held = drawn.filter(({ png }) => png);
  if (!held.length) {
    say("There are no strokes to save.");
    return;
  }
  const told = await backend.saveHints(held);
  if (told) say(told, 8);
}
