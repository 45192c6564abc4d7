// One picture: scanned and colored, under a divider, beside each other or in turn, and the judgement.

const BLINK_MS = 800;
const MODES = ["slider", "both", "blink"];

const viewer = {
  node: element("viewer"),
  at: -1,
  split: 50,
  flipped: false,
  doubted: false,
  mode: "slider",
  blinking: 0,
  /** Of a film or a file of pages: the frame or page that is shown by itself, or PLAY; null for the sheet of all. */
  frame: null,

  get item() {
    return filters.shown[this.at];
  },

  /** Whether there is a confidence map of what is shown: of several pages it is that of the first. */
  get hasMap() {
    return this.item.map && (this.item.frames.length === 0 || this.frame === 0);
  },

  get onSheet() {
    return this.frame === null && this.item.frames.length > 0;
  },

  /** Whether there is a before: the luma of what was not colored is not what was scanned. */
  get isCompared() {
    return this.item?.status === "colored" && !film.isShown && !painting.item;
  },

  setUp() {
    const after = element("after");
    after.addEventListener("error", () => this.fail());
    after.addEventListener("load", () => {
      if (this.isSized) return;
      zoom.size = [after.naturalWidth, after.naturalHeight];
      zoom.lay();
    });
    for (const [id, action] of [
      ["previous", () => this.turn(-1)],
      ["next", () => this.turn(1)],
      ["accept", () => judge(ACCEPT)],
      ["reject", () => judge(REJECT)],
      ["later", () => judge(LATER)],
      ["recolor", () => judge(RECOLOR)],
      ["flip", () => this.flip()],
      ["doubt", () => this.doubt()],
      ["close", () => this.node.close()],
    ]) {
      element(id).addEventListener("click", action);
    }
    for (const button of element("modes").querySelectorAll("button")) {
      button.addEventListener("click", () => this.compare(button.value));
    }
    element("note").addEventListener("change", async ({ target }) => {
      const [item, text] = [this.item, target.value.trim()];
      if (!(await marks.note(item, text)) && this.item === item) target.value = text; // to be tried again
    });
    this.node.addEventListener("close", () => this.closed());
    this.node.addEventListener("cancel", (event) => {
      if (!painting.item && this.frame === null && !zoom.isIn) return;
      event.preventDefault(); // Escape ends the painting first, then the zoom, then the look at a frame
      if (painting.item) painting.leave();
      else if (zoom.isIn) zoom.fit();
      else this.showFrame(null);
    });
    marks.changed.push(() => this.node.open && showMarks(this.item));
    itemsChanged.push((item) => this.node.open && this.item === item && this.renew(item));
  },

  /** Show the result of an item that was made again; painting, frame and zoom stay as they are. */
  renew(item) {
    const { frame } = this;
    const isGone = Number.isInteger(frame) && !item.frames[frame];
    if (!item.shown || frame === PLAY || isGone) {
      this.show(this.at);
      return;
    }
    showFacts(item);
    showMarks(item);
    if (full.address !== null) {
      full.address = null; // what is there stays until the new one is decoded
    } else {
      element("before").src = element("after").src = frame === null ? pictureOf(item) : frameOf(item, frame);
    }
    full.show();
  },

  /** Show a place of the list. */
  show(at) {
    painting.leave();
    this.at = at;
    this.frame = null;
    const item = this.item;
    const opened = !this.node.open;
    if (opened) this.node.showModal();
    grid.go(at);
    keepAddress();
    this.showPicture(item);
    this.showFrames(item);
    showFacts(item);
    showMarks(item);
    element("panel").scrollTop = 0;
    element("previous").disabled = at === 0;
    element("next").disabled = at === filters.shown.length - 1;
    if (opened) element("name").focus({ preventScroll: true });
    for (const near of [at + 1, at - 1]) {
      const other = filters.shown[near];
      if (other?.shown) new Image().src = pictureOf(other);
    }
  },

  turn(by) {
    const at = this.at + by;
    if (at >= 0 && at < filters.shown.length) this.show(at);
    else say(by > 0 ? "This is the last one." : "This is the first one.");
  },

  closed() {
    painting.leave();
    if (this.node.open) return; // opened again before the word of its closing came
    clearInterval(this.blinking);
    if (film.isShown) this.showFrame(null); // or its sound would go on
    if (history.state?.viewer) goBack();
    else keepAddress();
    // Word of the closing comes late: by then the user may be typing in a field
    if (!document.activeElement?.matches("input, select, textarea")) element("grid").focus({ preventScroll: true });
  },

  /** The sides of what is shown, where they are known before it is there. */
  get isSized() {
    return this.sides !== null;
  },

  get sides() {
    const { item, frame } = this;
    if (film.isShown || this.onSheet) return null;
    if (frame !== null) return item.frames[frame].slice(6, 8);
    return item.size ? item.size.split("x").map(Number) : null;
  },

  showPicture(item) {
    film.show(item); // or its sound would go on behind what has no picture
    full.reset();
    element("compare").hidden = !item.shown;
    element("reason").hidden = item.shown;
    if (!item.shown) {
      element("reason-title").textContent = STATES[item.status];
      element("reason-text").textContent = printable(item.reason);
      element("reason-hint").textContent = printable(item.hint);
      return;
    }
    [zoom.scale, zoom.x, zoom.y] = [null, 0.5, 0.5];
    if (this.sides) zoom.size = this.sides;
    const [before, after] = [element("before"), element("after")];
    if (!film.isShown) {
      // Two elements of one file: the scanned picture is the colored one's luma
      element("before-half").className = `half before-half luma-${item.matrix}`;
      const { frame } = this;
      before.src = after.src = frame === null ? pictureOf(item) : frameOf(item, frame);
      const name = frame === null ? item.path : `${item.path}, ${partOf(item, frame)}`;
      after.alt = item.status === "colored" ? `${name}, colored` : `${name}, as it was`;
      before.alt = `${name}, as scanned`;
      const map = element("map");
      map.removeAttribute("src");
      if (item.map) map.src = mapOf(item);
    }
    showSplits(this.onSheet && item.status === "colored" ? item.frames : []);
    this.showMode();
    this.showMap();
  },

  fail() {
    element("compare").hidden = true;
    element("reason").hidden = false;
    element("reason-title").textContent = "The picture is missing";
    element("reason-text").textContent = "The folders pictures and thumbs belong beside this page.";
    element("reason-hint").textContent = "";
  },

  /** Show one frame or page by itself or, with null, the sheet of all. */
  showFrame(number) {
    painting.leave();
    this.frame = number;
    this.showPicture(this.item);
    this.showFrames(this.item);
  },

  /** After the last one the sheet again. */
  nextFrame() {
    const { length } = this.item.frames;
    const next = Number.isInteger(this.frame) ? this.frame + 1 : 0;
    if (!length) say("This is one picture.");
    else this.showFrame(next < length ? next : null);
  },

  /** Offer the sheet and each of its frames; of doubtful shots, how sure the generator was. */
  showFrames(item) {
    const choices = item.frames.map(([, sure], number) => {
      const name = partOf(item, number);
      return [number, sure === null ? name : `${name}, ${percent(sure)} sure`];
    });
    if (choices.length && item.plays) choices.unshift([PLAY, "Play"]);
    if (choices.length) choices.unshift([null, "All"]);
    element("frames").replaceChildren(
      ...choices.map(([number, text]) => {
        const painted = number !== PLAY && number !== null && strokes.of(layerOf(item, number)).length > 0;
        const button = made("button", painted ? "button with-paint" : "button", text);
        button.type = "button";
        button.setAttribute("aria-pressed", String(number === this.frame));
        button.addEventListener("click", () => {
          this.showFrame(number);
          if (number !== PLAY) element("frames").querySelector("[aria-pressed=true]").focus();
        });
        return button;
      }),
    );
    element("paint-start").hidden = !painting.canStart;
  },

  /** A place in shares of the picture's sides. */
  sharesOf(event) {
    const box = element("after-plane").getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  },

  /** The frame of the sheet at such a place; -1 between them. */
  partAt(x, y) {
    const inside = ([, , left, top, width, height]) => left <= x && x < left + width && top <= y && y < top + height;
    return this.item.frames.findIndex(inside);
  },

  /** Compare by a divider, beside each other, or in turn. */
  compare(mode) {
    this.mode = mode;
    this.flipped = false;
    this.showMode();
  },

  nextMode() {
    if (!this.isCompared) return;
    this.compare(MODES[(MODES.indexOf(this.mode) + 1) % MODES.length]);
    say({ slider: "Under a divider", both: "Side by side", blink: "In turn" }[this.mode]);
  },

  showMode() {
    if (!this.item) return;
    const compared = this.isCompared;
    const { classList } = element("compare");
    classList.toggle("single", !compared);
    classList.toggle("both", compared && this.mode === "both");
    classList.toggle("blink", compared && this.mode === "blink");
    classList.toggle("sheet", this.onSheet);
    pressOne("modes", this.mode);
    clearInterval(this.blinking);
    if (compared && this.mode === "blink") this.blinking = setInterval(() => this.flip(), BLINK_MS);
    zoom.lay();
  },

  /** Put the divider at a share, in percent, of the picture's width: to its left it is as scanned. */
  moveTo(split) {
    this.split = Math.min(100, Math.max(0, split));
    this.flipped = false;
    this.showSplit();
  },

  flip() {
    this.flipped = !this.flipped;
    this.showSplit();
  },

  showSplit() {
    if (!this.item) return;
    const split = this.flipped ? 100 : this.mode === "blink" ? 0 : this.split;
    const compare = element("compare");
    compare.style.setProperty("--split", `${split}%`);
    compare.classList.toggle("flipped", this.flipped);
    const whole = this.mode !== "both" && !this.onSheet;
    compare.classList.toggle("mostly-before", whole && split > 85);
    compare.classList.toggle("mostly-after", whole && split < 15);
    const divider = element("divider");
    divider.setAttribute("aria-valuenow", Math.round(split));
    divider.setAttribute("aria-valuetext", `${Math.round(split)} % as scanned`);
    element("flip").setAttribute("aria-pressed", String(this.flipped));
    // Between the frames of a sheet is nothing but the stage, light or dark
    element("after").style.clipPath = this.onSheet ? clipOf(this.item.frames, 100) : "";
    element("before-plane").style.clipPath = this.onSheet ? clipOf(this.item.frames, this.mode === "both" ? 100 : split) : "";
  },

  doubt() {
    if (!this.hasMap) {
      say("There is no confidence map for this one.");
      return;
    }
    this.doubted = !this.doubted;
    this.showMap();
  },

  showMap() {
    const seen = this.doubted && this.hasMap;
    element("map").hidden = !seen;
    element("doubt-legend").hidden = !seen;
    element("doubt").hidden = !this.hasMap;
    element("doubt").setAttribute("aria-pressed", String(Boolean(seen)));
  },
};

/** The left of each frame, up to its divider, as one path in pixels of the plane. */
function clipOf(frames, split) {
  const [w, h] = zoom.size.map((side) => side * zoom.current);
  const rectangle = ([, , left, top, width, height]) => {
    const [x, y] = [left * w, top * h];
    return `M${x} ${y}h${(width * w * split) / 100}v${height * h}H${x}z`;
  };
  return `path("${frames.map(rectangle).join("") || "M0 0"}")`;
}

/** A line in each frame of a sheet, where its divider is. */
function showSplits(frames) {
  element("splits").replaceChildren(
    ...frames.map(([, , left, top, width, height]) => {
      const line = made("i");
      for (const [name, share] of Object.entries({ left, top, width, height })) line.style[name] = `${share * 100}%`;
      return line;
    }),
  );
}

/** Open the viewer at a place of the list, so that the browser's Back closes it. */
function openAt(at) {
  if (at < 0) return;
  if (!viewer.node.open) history.pushState({ viewer: true }, "");
  viewer.show(at);
}
