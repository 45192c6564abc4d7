// How large the picture is and which part of it is in sight. A scale is CSS pixels a pixel of the picture; null fits it.

const LARGEST_SCALE = 16;
const STEP = 1.5;
const SMALL_AT_MOST = 2;
const GAP_PX = 8;

const zoom = {
  scale: null,
  /** What is in the middle of the stage, in shares of the picture's sides. */
  x: 0.5,
  y: 0.5,
  /** Of the picture, in its own pixels. */
  size: [1280, 960],

  setUp() {
    new ResizeObserver(() => viewer.node.open && this.lay()).observe(element("stage"));
    element("stage").addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const [id, action] of [
      ["zoom-in", () => this.step(1)],
      ["zoom-out", () => this.step(-1)],
      ["zoom-fit", () => this.fit()],
      ["zoom-full", () => this.whole()],
    ]) {
      element(id).addEventListener("click", action);
    }
  },

  /** The sides that a picture has to itself, and where they begin in the stage. */
  get room() {
    const stage = element("stage");
    const style = getComputedStyle(stage);
    const [top, right, bottom, left] = ["Top", "Right", "Bottom", "Left"].map((side) => Number.parseFloat(style[`padding${side}`]));
    const [w, h] = [stage.clientWidth - left - right, stage.clientHeight - top - bottom];
    if (viewer.mode !== "both" || !viewer.isCompared) return { left, top, w, h };
    const upright = w < h;
    return { left, top, w: upright ? w : (w - GAP_PX) / 2, h: upright ? (h - GAP_PX) / 2 : h, upright, twice: true };
  },

  /** The scale at which all of it is seen; small pictures at most at twice their size. */
  get fitting() {
    const { w, h } = this.room;
    return Math.min(SMALL_AT_MOST, w / this.size[0], h / this.size[1]);
  },

  get current() {
    return this.scale ?? this.fitting;
  },

  get isIn() {
    return this.scale !== null;
  },

  fit() {
    this.scale = null;
    [this.x, this.y] = [0.5, 0.5];
    this.lay();
  },

  /** A pixel of the picture on a pixel of the screen. */
  whole(event) {
    this.to(1 / devicePixelRatio, event);
  },

  toggle(event) {
    if (this.isIn) this.fit();
    else if (1 / devicePixelRatio > this.fitting * 1.05) this.whole(event);
    else this.to(this.fitting * 2, event);
  },

  step(by, event) {
    this.to(this.current * STEP ** by, event);
  },

  /** To a scale; what lies under the pointer, or else in the middle, stays where it is. */
  to(scale, event) {
    const wanted = Math.min(LARGEST_SCALE, scale);
    if (wanted <= this.fitting) {
      this.fit();
      return;
    }
    const { w, h, left, top } = this.box;
    const at = event ? this.inRoom(event) : [this.room.w / 2, this.room.h / 2];
    const share = [(at[0] - left) / w, (at[1] - top) / h].map((s) => Math.min(1, Math.max(0, s)));
    this.scale = wanted;
    const sides = this.size.map((side) => side * wanted);
    this.x = share[0] + (this.room.w / 2 - at[0]) / sides[0];
    this.y = share[1] + (this.room.h / 2 - at[1]) / sides[1];
    this.lay();
  },

  pan(dx, dy) {
    if (!this.isIn) return;
    const { w, h } = this.box;
    this.x -= dx / w;
    this.y -= dy / h;
    this.lay();
  },

  wheel(event) {
    if (!viewer.item?.shown) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.to(this.current * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), event);
  },

  /** Where an event is in the room of its picture. */
  inRoom({ clientX, clientY }) {
    const stage = element("stage").getBoundingClientRect();
    const { left, top, w, h, twice, upright } = this.room;
    let [x, y] = [clientX - stage.x - left, clientY - stage.y - top];
    if (twice && !upright && x > w) x -= w + GAP_PX;
    if (twice && upright && y > h) y -= h + GAP_PX;
    return [x, y];
  },

  /** Where all of the picture lies in its room. */
  get box() {
    const room = this.room;
    const [w, h] = this.size.map((side) => side * this.current);
    const place = (side, all, share) => (side <= all ? (all - side) / 2 : Math.min(0, Math.max(all - side, all / 2 - share * side)));
    return { w, h, left: place(w, room.w, this.x), top: place(h, room.h, this.y) };
  },

  /** Put everything in its place. */
  lay() {
    const { room, box } = this;
    if (box.w > room.w) this.x = (room.w / 2 - box.left) / box.w;
    if (box.h > room.h) this.y = (room.h / 2 - box.top) / box.h;
    const [left, top] = [Math.max(0, box.left), Math.max(0, box.top)];
    const [w, h] = [Math.min(box.w, room.w), Math.min(box.h, room.h)];
    const style = element("compare").style;
    const set = (names) => {
      for (const [name, px] of Object.entries(names)) style.setProperty(name, `${px}px`);
    };
    set({ "--left": room.left + left, "--top": room.top + top, "--w": w, "--h": h });
    set({ "--plane-x": box.left - left, "--plane-y": box.top - top, "--plane-w": box.w, "--plane-h": box.h });
    set({ "--room-w": room.w + GAP_PX, "--room-h": room.h + GAP_PX });
    element("compare").classList.toggle("stacked", Boolean(room.upright));
    element("compare").classList.toggle("zoomed", this.isIn);
    element("compare").classList.toggle("pixels", this.current * devicePixelRatio >= 3);
    element("zoom-scale").textContent = percent(this.current * devicePixelRatio);
    element("zoom-fit").setAttribute("aria-pressed", String(!this.isIn));
    viewer.showSplit();
    painting.showBrush();
    full.schedule();
  },
};
