// Several pictures at once: taken by shift, by control, by their ticks, by folder, and marked together.

const selection = {
  /** Items by their index. */
  chosen: new Set(),
  anchor: 0,
  /** On touch screens, where there is no shift: taps take pictures in, rather than open them. */
  choosing: false,

  setUp() {
    grid.node.addEventListener("click", (event) => this.click(event));
    // A press with shift would select text
    grid.node.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    element("choose").addEventListener("click", () => this.choose(!this.choosing));
    for (const [id, mark] of [["accept", ACCEPT], ["reject", REJECT], ["later", LATER], ["recolor", RECOLOR]]) {
      element(`all-${id}`).addEventListener("click", () => judge(mark));
    }
    element("all-none").addEventListener("click", () => judge(null));
    element("all-leave").addEventListener("click", () => this.clear());
    filters.changed.push(() => {
      const shown = new Set(filters.shown.map((item) => item.index));
      for (const index of this.chosen) if (!shown.has(index)) this.chosen.delete(index);
      this.anchor = 0;
      this.show();
    });
  },

  get items() {
    return [...this.chosen].sort((a, b) => a - b).map((index) => items[index]);
  },

  get size() {
    return this.chosen.size;
  },

  click(event) {
    const cell = event.target.closest("[data-index]");
    if (!cell) return;
    const at = filters.shown.indexOf(items[Number(cell.dataset.index)]);
    if (event.shiftKey) this.extend(at);
    else if (event.ctrlKey || event.metaKey || this.choosing || event.target.closest(".tick")) this.toggle(at);
    else openAt(at);
  },

  toggle(at) {
    const item = filters.shown[at];
    if (!item) return;
    if (!this.chosen.delete(item.index)) this.chosen.add(item.index);
    this.anchor = at;
    grid.active = at;
    grid.showActive();
  },

  /** Everything from where the last one was taken to here, and nothing else. */
  extend(at) {
    if (!filters.shown.length) return;
    const to = Math.min(Math.max(at, 0), filters.shown.length - 1);
    if (!this.size) this.anchor = grid.active;
    const [first, last] = [Math.min(this.anchor, to), Math.max(this.anchor, to)];
    this.chosen = new Set(filters.shown.slice(first, last + 1).map((item) => item.index));
    grid.go(to);
  },

  add(more) {
    const all = more.every((item) => this.chosen.has(item.index));
    for (const { index } of more) all ? this.chosen.delete(index) : this.chosen.add(index);
    this.show();
  },

  clear() {
    this.chosen.clear();
    this.choose(false);
  },

  choose(choosing) {
    this.choosing = choosing;
    element("choose").setAttribute("aria-pressed", String(choosing));
    grid.node.classList.toggle("choosing", choosing);
    this.show();
  },

  /** How much of the window's foot its bar covers. */
  covered() {
    return this.size ? element("selected").offsetHeight : 0;
  },

  show() {
    for (const [index, cell] of grid.cells) {
      const taken = this.chosen.has(index);
      cell.classList.toggle("chosen", taken);
      cell.setAttribute("aria-selected", String(taken));
    }
    const bar = element("selected");
    if (bar.hidden === this.size > 0) bar.hidden = !this.size;
    const told = this.size + (this.size ? [...this.chosen].reduce((sum, index) => sum + index, 0) / 1e12 : 0);
    if (!this.size || this.told === told) return;
    this.told = told;
    element("selected-count").textContent = `${numbered.format(this.size)} selected`;
    const { items: chosen } = this;
    const judged = chosen.some((item) => item.isJudged);
    for (const id of ["accept", "reject", "later"]) element(`all-${id}`).hidden = !judged;
    element("all-recolor").hidden = !chosen.some((item) => item.isLeftAlone);
  },
};
