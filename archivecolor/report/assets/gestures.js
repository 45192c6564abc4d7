// What mouse, pen and fingers do to the picture: two fingers zoom, one moves the divider, the picture or the brush.

const STILL_PX = 5;

const gestures = {
  /** Pointers that are down, by their ids: [x, y]. */
  down: new Map(),
  /** What the pointer that is down does: 'split', 'pan', 'paint', 'pinch', or 'press' until a sheet is dragged over. */
  does: "",
  begun: [0, 0],
  splitBefore: 50,
  /** The frame of a sheet whose divider is dragged. */
  part: -1,

  setUp() {
    const compare = element("compare");
    compare.addEventListener("pointerdown", (event) => this.press(event));
    compare.addEventListener("pointermove", (event) => this.follow(event));
    compare.addEventListener("pointerup", (event) => this.release(event));
    compare.addEventListener("pointercancel", (event) => this.cancel(event));
    compare.addEventListener("pointerleave", () => (element("brush").hidden = true));
    compare.addEventListener("dblclick", (event) => {
      if (!painting.item && !film.isShown && !viewer.onSheet && event.target !== element("divider")) zoom.toggle(event);
    });
  },

  press(event) {
    if (film.isShown && !painting.item) return;
    element("compare").setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.down.size === 2) {
      if (this.does === "paint") painting.abandon();
      if (this.does === "split") viewer.moveTo(this.splitBefore); // the first finger meant something else
      this.does = "pinch";
      return;
    }
    this.begun = [event.clientX, event.clientY];
    this.splitBefore = viewer.split;
    this.does = this.meaning(event);
    if (this.does === "split") this.split(event);
    if (this.does === "paint") painting.begin(event);
  },

  meaning(event) {
    if (event.button === 1) return "pan";
    if (event.button > 0) return "";
    if (painting.item) return "paint";
    if (!viewer.isCompared) return "pan";
    if (viewer.onSheet) {
      this.part = viewer.partAt(...viewer.sharesOf(event));
      return "press";
    }
    if (viewer.mode !== "slider" || (zoom.isIn && event.target !== element("divider"))) return "pan";
    return "split";
  },

  follow(event) {
    if (painting.item) painting.showBrush(event);
    const before = this.down.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.does === "pinch") this.pinch(event.pointerId, before, now);
    this.down.set(event.pointerId, now);
    if (this.does === "press") {
      if (Math.hypot(now[0] - this.begun[0], now[1] - this.begun[1]) < STILL_PX) return;
      this.does = "split";
    }
    if (this.does === "split") this.split(event);
    if (this.does === "pan") zoom.pan(now[0] - before[0], now[1] - before[1]);
    if (this.does === "paint") for (const each of event.getCoalescedEvents?.() ?? [event]) painting.draw(each);
  },

  pinch(id, before, now) {
    const other = [...this.down].find(([each]) => each !== id)?.[1];
    if (!other) return;
    const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    const middle = { clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2 };
    zoom.to(zoom.current * (apart(now) / apart(before)), middle);
    zoom.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  },

  release(event) {
    this.down.delete(event.pointerId);
    if (this.does === "paint") painting.end();
    // A sheet that was pressed and not dragged over: show what was pressed on
    if (this.does === "press" && this.part >= 0) viewer.showFrame(this.part);
    if (!this.down.size || this.does !== "pinch") this.does = "";
  },

  cancel(event) {
    this.down.delete(event.pointerId);
    if (this.does === "paint") painting.abandon();
    this.does = "";
  },

  /** Put the divider where the pointer is: in the picture or, on a sheet, in the frame that was pressed on. */
  split(event) {
    if (viewer.onSheet) {
      const frame = viewer.item.frames[this.part];
      if (frame) viewer.moveTo(((viewer.sharesOf(event)[0] - frame[2]) / frame[4]) * 100);
      return;
    }
    const box = element("compare").getBoundingClientRect();
    viewer.moveTo(((event.clientX - box.left) / box.width) * 100);
  },
};
