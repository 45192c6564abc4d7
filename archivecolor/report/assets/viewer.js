// One picture: scanned and coloured with a divider between them, what is known of it, and the judgement.

const viewer = {
  node: element("viewer"),
  at: -1,
  split: 50,
  flipped: false,
  doubted: false,

  get item() {
    return filters.shown[this.at];
  },

  setUp() {
    const compare = element("compare");
    compare.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      compare.setPointerCapture(event.pointerId);
      this.drag(event);
    });
    compare.addEventListener("pointermove", (event) => compare.hasPointerCapture(event.pointerId) && this.drag(event));
    element("after").addEventListener("error", () => this.fail());
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
      if (!painting.item) return;
      event.preventDefault(); // Escape ends the painting first
      painting.leave();
    });
    marks.changed.push(() => this.node.open && this.showMark());
  },

  /** Show a place of the list. */
  show(at) {
    painting.leave();
    this.at = at;
    const item = this.item;
    const opened = !this.node.open;
    if (opened) this.node.showModal();
    history.replaceState(history.state, "", `#${item.id}`);
    grid.go(at);
    this.showPicture(item);
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
    if (history.state?.viewer) history.back();
    else history.replaceState(null, "", location.pathname + location.search);
    // Word of the closing comes late: by then somebody may be writing in a field
    if (!document.activeElement?.matches("input, select, textarea")) element("grid").focus({ preventScroll: true });
  },

  showPicture(item) {
    element("compare").hidden = !item.shown;
    element("reason").hidden = item.shown;
    if (!item.shown) {
      element("reason-title").textContent = STATES[item.status];
      element("reason-text").textContent = printable(item.reason);
      element("reason-hint").textContent = printable(item.hint);
      return;
    }
    // What was not coloured has no before: its luma is not what was scanned
    element("compare").classList.toggle("single", item.status !== "colored");
    // Two elements of one file: the scanned picture is the coloured one's luma
    const [before, after] = [element("before"), element("after")];
    before.className = `luma-${item.matrix}`;
    before.src = after.src = pictureOf(item);
    after.alt = `${item.path}, coloured`;
    before.alt = `${item.path}, as scanned`;
    this.moveTo(this.split);
    const map = element("map");
    map.removeAttribute("src");
    if (item.map) map.src = mapOf(item);
    this.showMap();
  },

  fail() {
    element("compare").hidden = true;
    element("reason").hidden = false;
    element("reason-title").textContent = "The picture is not there";
    element("reason-text").textContent = "The folders pictures and thumbs belong beside this page.";
    element("reason-hint").textContent = "";
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
    if (!this.item.map) {
      say("There is no confidence map of this one.");
      return;
    }
    this.doubted = !this.doubted;
    this.showMap();
  },

  showMap() {
    const seen = this.doubted && this.item.map;
    element("map").hidden = !seen;
    element("doubt-legend").hidden = !seen;
    element("doubt").hidden = !this.item.map;
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
    element("paint-start").hidden = !painting.canPaint(item);
    if (!item.shown) element("doubt-legend").hidden = true;
    element("warnings").replaceChildren(...item.warnings.map((warning) => made("li", "", printable(warning))));
    const facts = [["State", STATES[item.status]]];
    if (item.shown && item.reason) facts.push(["Why", item.reason]);
    if (item.confidence !== null) facts.push(["Confidence", percent(item.confidence)]);
    if (item.unsure.length) {
      facts.push(["Least sure from", item.unsure.map(([time, sure]) => `${time} (${percent(sure)})`).join(", ")]);
    }
    if (item.size) facts.push([item.kind === "film" ? "Frame" : "Pixels", item.size.replace("x", " × ")]);
    if (item.pages > 1) facts.push(["Pages", `${item.pages}, the first is shown`]);
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
      anchor.href = `${data.root}/${addressOf(item.result)}`;
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
