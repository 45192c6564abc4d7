// One picture: scanned and colored with a divider between them, what is known of it, and the judgement.

const STILL_PX = 5;

const viewer = {
  node: element("viewer"),
  at: -1,
  split: 50,
  flipped: false,
  doubted: false,
  /** Of a film or a file of pages: the frame or page that is shown by itself, or PLAY; null for the sheet of all. */
  frame: null,
  /** Where the sheet was pressed, until it is let go or the divider follows. */
  pressed: null,

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

  setUp() {
    const compare = element("compare");
    compare.addEventListener("pointerdown", (event) => this.press(event));
    compare.addEventListener("pointermove", (event) => this.follow(event));
    compare.addEventListener("pointerup", (event) => this.release(event));
    compare.addEventListener("pointercancel", () => (this.pressed = null));
    element("after").addEventListener("error", () => this.fail());
    film.setUp();
    element("after").addEventListener("load", ({ target }) => {
      target.style.setProperty("--aspect", target.naturalWidth / target.naturalHeight);
      target.style.setProperty("--wide", target.naturalWidth);
    });
    element("previous").addEventListener("click", () => this.turn(-1));
    element("next").addEventListener("click", () => this.turn(1));
    element("accept").addEventListener("click", () => judge(ACCEPT));
    element("reject").addEventListener("click", () => judge(REJECT));
    element("flip").addEventListener("click", () => this.flip());
    element("doubt").addEventListener("click", () => this.doubt());
    element("close").addEventListener("click", () => this.node.close());
    this.node.addEventListener("close", () => this.closed());
    this.node.addEventListener("cancel", (event) => {
      if (!painting.item && this.frame === null) return;
      event.preventDefault(); // Escape ends the painting first, and then the look at a frame
      if (painting.item) painting.leave();
      else this.showFrame(null);
    });
    marks.changed.push(() => this.node.open && this.showMark());
  },

  /** Show a place of the list. */
  show(at) {
    painting.leave();
    this.at = at;
    this.frame = null;
    const item = this.item;
    const opened = !this.node.open;
    if (opened) this.node.showModal();
    history.replaceState(history.state, "", `#${item.id}`);
    grid.go(at);
    this.showPicture(item);
    this.showFrames(item);
    this.showFacts(item);
    this.showMark();
    element("previous").disabled = at === 0;
    element("next").disabled = at === filters.shown.length - 1;
    if (opened) element("name").focus();
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
    if (film.isShown) this.showFrame(null); // or its sound would go on
    if (history.state?.viewer) history.back();
    else history.replaceState(null, "", location.pathname + location.search);
    // Word of the closing comes late: by then the user may be typing in a field
    if (!document.activeElement?.matches("input, select, textarea")) element("grid").focus({ preventScroll: true });
  },

  showPicture(item) {
    film.show(item); // or its sound would go on behind what has no picture
    element("compare").hidden = !item.shown;
    element("reason").hidden = item.shown;
    if (!item.shown) {
      element("reason-title").textContent = STATES[item.status];
      element("reason-text").textContent = printable(item.reason);
      element("reason-hint").textContent = printable(item.hint);
      return;
    }
    if (film.isShown) {
      this.showMap();
      return;
    }
    // What was not colored has no before: its luma is not what was scanned
    element("compare").classList.toggle("single", item.status !== "colored");
    // Two elements of one file: the scanned picture is the colored one's luma
    const [before, after] = [element("before"), element("after")];
    before.className = `luma-${item.matrix}`;
    const { frame } = this;
    before.src = after.src = frame === null ? pictureOf(item) : frameOf(item, frame);
    const name = frame === null ? item.path : `${item.path}, ${partOf(item, frame)}`;
    after.alt = `${name}, colored`;
    before.alt = `${name}, as scanned`;
    element("compare").classList.toggle("sheet", this.onSheet);
    this.moveTo(this.split);
    const map = element("map");
    map.removeAttribute("src");
    if (item.map) map.src = mapOf(item);
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
    if (choices.length && item.kind === "film") choices.unshift([PLAY, "Play"]);
    if (choices.length) choices.unshift([null, "All"]);
    element("frames").replaceChildren(
      ...choices.map(([number, text]) => {
        const button = made("button", "button", text);
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

  press(event) {
    if (event.button > 0 || film.isShown) return;
    element("compare").setPointerCapture(event.pointerId);
    if (this.onSheet && event.target !== element("divider")) this.pressed = [event.clientX, event.clientY];
    else this.drag(event);
  },

  follow(event) {
    if (!element("compare").hasPointerCapture(event.pointerId)) return;
    if (this.pressed && Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]) < STILL_PX) return;
    this.pressed = null;
    this.drag(event);
  },

  /** A sheet that was pressed and not dragged over: show what was pressed on. */
  release(event) {
    if (!this.pressed) return;
    this.pressed = null;
    const box = element("compare").getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const inside = ([, , left, top, width, height]) => left <= x && x < left + width && top <= y && y < top + height;
    const number = this.item.frames.findIndex(inside);
    if (number >= 0) this.showFrame(number);
  },

  drag(event) {
    const box = element("compare").getBoundingClientRect();
    this.moveTo(((event.clientX - box.left) / box.width) * 100);
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
    const split = this.flipped ? 100 : this.split;
    const compare = element("compare");
    compare.style.setProperty("--split", `${split}%`);
    compare.classList.toggle("flipped", this.flipped);
    compare.classList.toggle("mostly-before", split > 85);
    compare.classList.toggle("mostly-after", split < 15);
    const divider = element("divider");
    divider.setAttribute("aria-valuenow", Math.round(split));
    divider.setAttribute("aria-valuetext", `${Math.round(split)} % as scanned`);
    element("flip").setAttribute("aria-pressed", String(this.flipped));
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

  showMark() {
    const mark = marks.of(this.item);
    element("accept").setAttribute("aria-pressed", String(mark === ACCEPT));
    element("reject").setAttribute("aria-pressed", String(mark === REJECT));
  },

  showFacts(item) {
    element("position").textContent = `${numbered.format(this.at + 1)} of ${numbered.format(filters.shown.length)}`;
    element("name").textContent = item.name;
    element("where").textContent = printable(item.folder);
    element("views").hidden = !item.shown || item.status !== "colored";
    if (!item.shown) element("doubt-legend").hidden = true;
    element("warnings").replaceChildren(...item.warnings.map((warning) => made("li", "", printable(warning))));
    const facts = [["State", STATES[item.status]]];
    if (item.shown && item.reason) facts.push(["Why", item.reason]);
    if (item.luma in LUMAS) facts.push(["Luma", item.luma]);
    if (item.confidence !== null) facts.push(["Confidence", percent(item.confidence)]);
    if (item.size) facts.push([item.kind === "film" ? "Frame" : "Pixels", item.size.replace("x", " × ")]);
    if (item.pages > 1) {
      const seen = item.frames.length || 1;
      facts.push(["Pages", seen < item.pages ? `${item.pages}, ${seen} can be seen here` : `${item.pages}`]);
    }
    if (item.duration) facts.push(["Duration", item.duration]);
    if (item.bytes !== null) facts.push(["File", `${numbered.format(Math.max(1, Math.round(item.bytes / 1000)))} kB`]);
    if (item.seconds !== null && item.shown) facts.push(["Made in", `${item.seconds.toFixed(1)} s`]);
    if (item.engine) facts.push(["Engine", item.engine]);
    element("facts").replaceChildren(
      ...facts.flatMap(([term, value]) => [made("dt", "", term), made("dd", "", printable(value))]),
    );
    const link = element("link");
    link.replaceChildren();
    if (item.result !== null && item.status === "colored") {
      const anchor = made("a", "", "Open the result");
      anchor.href = resultOf(item);
      anchor.target = "_blank";
      anchor.rel = "noopener";
      link.append(anchor);
    }
  },
};

/** Open the viewer at a place of the list, so that the browser's Back closes it. */
function openAt(at) {
  if (at < 0) return;
  if (!viewer.node.open) history.pushState({ viewer: true }, "");
  viewer.show(at);
}
