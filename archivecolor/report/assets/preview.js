// What strokes will come to, shown before anything is run again: they are spread over what the generator saw, and the new
// colors are laid over the picture by the browser, whose blend mode `color` keeps the luma below as archivecolor does.
//
// A page from disk may show pictures and not read them. So what the generator saw comes in a style sheet beside each
// picture, as a custom property: see `report/coding.py`.

const THINNEST = 0.02;
const PLAINLY_CHANGED = 2;

const preview = {
  canvas: element("preview"),
  /** What the generator saw of the part that is painted on: {luma, leveled, a, b}; null where that is not known. */
  seen: null,
  run: 0,
  wanted: true,

  /** Read what the generator saw of an item, or of one of its frames or pages. */
  async open(item, frame) {
    this.close();
    const run = this.run;
    if (frame === PLAY) return;
    const address = await dataOf(item, frame ?? 0);
    const seen = address && (await planesOf(address));
    if (seen && run === this.run) this.seen = seen;
  },

  close() {
    this.run += 1;
    this.seen = null;
    this.canvas.hidden = true;
    this.tell("");
  },

  tell(text) {
    element("preview-state").textContent = text;
  },

  /** The result itself is there: it is shown until the next stroke. */
  made() {
    this.run += 1;
    this.canvas.hidden = true;
    this.tell("This is the result, made again with your strokes.");
  },

  /** Show what the strokes of a layer come to; a newer call ends an older one. */
  async update(sheet) {
    this.run += 1;
    const run = this.run;
    const { seen } = this;
    if (!seen || !this.wanted || !sheet?.strokes.length) {
      this.canvas.hidden = true;
      this.tell(seen || !sheet ? "" : "There is no preview here; the strokes count all the same.");
      return;
    }
    this.tell("Spreading the strokes");
    const spread = await inSlices(this.work(sheet, seen), () => run !== this.run);
    if (spread && run === this.run) this.lay(seen, spread);
  },

  *work(sheet, seen) {
    const taken = strokesOn(sheet, seen.luma.w, seen.luma.h);
    yield;
    return yield* spreading(taken, seen.leveled, seen);
  },

  /** Draw the new colors, each at the lightness of its place, as dense as they differ from those that are there. */
  lay({ luma, a, b }, spread) {
    const { canvas } = this;
    [canvas.width, canvas.height] = [luma.w, luma.h];
    const image = new ImageData(luma.w, luma.h);
    for (let i = 0; i < luma.v.length; i += 1) {
      const changed = Math.hypot(spread.a.v[i] - a.v[i], spread.b.v[i] - b.v[i]);
      if (changed < 0.1) continue;
      const rgb = shownAt(luma.v[i], spread.a.v[i], spread.b.v[i]);
      for (let k = 0; k < 3; k += 1) image.data[4 * i + k] = Math.round(rgb[k] * 255);
      image.data[4 * i + 3] = Math.round(255 * Math.min(1, changed / PLAINLY_CHANGED));
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.hidden = false;
    this.tell(data.takes_hints ? "A guess: this generator takes strokes further than their edges." : "Preview of the strokes");
  },

  /** L* and chroma at a place in shares of the picture's sides: [luma, a, b]; null where nothing is known. */
  at(x, y) {
    if (!this.seen || x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    const { luma, a, b } = this.seen;
    const i = Math.floor(y * luma.h) * luma.w + Math.floor(x * luma.w);
    return [luma.v[i], a.v[i], b.v[i]];
  },

  /** Luma as light as half of the picture. */
  get middle() {
    return this.seen ? percentiles(this.seen.luma.v, [0.5])[0] : 0.5;
  },
};

/** A picture as a `data:` address, out of the style sheet beside an item's pictures; null where there is none. */
function dataOf(item, number) {
  const sheet = element("seen-sheet") ?? document.head.appendChild(Object.assign(made("link"), { id: "seen-sheet" }));
  return new Promise((resolve) => {
    const read = () => {
      const said = getComputedStyle(element("seen")).getPropertyValue(`--seen-${number}`).trim();
      resolve(/^"data:image\/jpeg;base64,[\w+/=]+"$/.test(said) ? said.slice(1, -1) : null);
    };
    if (sheet.dataset.of === item.id) {
      read();
      return;
    }
    sheet.onload = () => {
      sheet.dataset.of = item.id;
      read();
    };
    sheet.onerror = () => resolve(null);
    sheet.dataset.of = "";
    sheet.rel = "stylesheet";
    sheet.href = seenOf(item);
  });
}

async function planesOf(address) {
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
  } catch {
    return null;
  }
  const [w, h] = [picture.naturalWidth, picture.naturalHeight];
  const context = Object.assign(made("canvas"), { width: w, height: h }).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data: pixels } = context.getImageData(0, 0, w, h);
  const [luma, a, b] = [plane(w, h), plane(w, h), plane(w, h)];
  for (let i = 0; i < w * h; i += 1) {
    const [red, green, blue] = [pixels[4 * i] / 255, pixels[4 * i + 1] / 255, pixels[4 * i + 2] / 255];
    luma.v[i] = lumaOf(red, green, blue);
    [, a.v[i], b.v[i]] = labOf(red, green, blue);
  }
  return { luma, leveled: leveled(luma), a, b };
}

/** A layer as the package reads it (`hints.read_strokes`): where there is paint, and its a* and b*. */
function strokesOn(sheet, w, h) {
  const canvas = Object.assign(made("canvas"), { width: sheet.width, height: sheet.height });
  const { data: pixels } = drawStrokes(canvas, sheet).getImageData(0, 0, sheet.width, sheet.height);
  const painted = [0, 1, 2, 3].map(() => plane(sheet.width, sheet.height));
  for (let i = 0; i < sheet.width * sheet.height; i += 1) {
    const cover = pixels[4 * i + 3] / 255;
    if (!cover) continue;
    for (let k = 0; k < 3; k += 1) painted[k].v[i] = (pixels[4 * i + k] / 255) * cover;
    painted[3].v[i] = cover;
  }
  const [red, green, blue, cover] = painted.map((one) => shrunkTo(one, w, h));
  const [on, a, b] = [plane(w, h), plane(w, h), plane(w, h)];
  for (let i = 0; i < w * h; i += 1) {
    const share = cover.v[i];
    if (share <= THINNEST) continue;
    on.v[i] = 1;
    [, a.v[i], b.v[i]] = labOf(red.v[i] / share, green.v[i] / share, blue.v[i] / share);
  }
  return { on, a, b };
}
