// The grid: only the rows in and around the window are in the document, however many pictures there are.

const NARROW_PX = 620;
const ROWS_AROUND = 2;
const END_OF_NAME = 10;

const grid = {
  node: element("grid"),
  cells: new Map(),
  active: 0,
  width: 0,
  columns: 1,
  cellWidth: 200,
  rowHeight: 200,
  gap: 16,

  setUp() {
    addEventListener("scroll", () => this.schedule(), { passive: true });
    // Its height is our own doing; cells that are made again under a pointer would lose its click
    new ResizeObserver(() => this.node.clientWidth !== this.width && this.lay()).observe(this.node);
    this.node.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-index]");
      if (cell) openAt(filters.shown.indexOf(items[Number(cell.dataset.index)]));
    });
    filters.changed.push(() => {
      this.active = 0;
      this.lay();
      scrollTo({ top: Math.min(scrollY, this.top()) });
    });
    marks.changed.push((item) => {
      for (const [index, cell] of this.cells) if (!item || index === item.index) showMark(cell, items[index]);
    });
    this.lay();
  },

  /** Distance of the grid's first row from the top of the page, less what sticks to the window's top. */
  top() {
    return this.node.getBoundingClientRect().top + scrollY - this.covered();
  },

  covered() {
    return element("filters").offsetHeight + this.gap;
  },

  lay() {
    const width = this.node.clientWidth;
    if (!width) return;
    this.width = width;
    const narrow = innerWidth < NARROW_PX;
    this.gap = narrow ? 10 : 18;
    const least = narrow ? 148 : 212;
    this.columns = Math.max(1, Math.floor((width + this.gap) / (least + this.gap)));
    this.cellWidth = (width - this.gap * (this.columns - 1)) / this.columns;
    this.rowHeight = Math.round(this.cellWidth * 0.78) + 44 + this.gap;
    const rows = Math.ceil(filters.shown.length / this.columns);
    this.node.style.height = `${rows * this.rowHeight}px`;
    this.node.style.setProperty("--cell-width", `${this.cellWidth}px`);
    this.node.style.setProperty("--cell-height", `${this.rowHeight - this.gap}px`);
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
    this.draw();
  },

  schedule() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  },

  /** Put the cells into the document that the window shows, and take the others out. */
  draw() {
    const above = -this.node.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / this.rowHeight) - ROWS_AROUND) * this.columns;
    const rows = Math.ceil(innerHeight / this.rowHeight) + 2 * ROWS_AROUND + 1;
    const last = Math.min(filters.shown.length, first + rows * this.columns);
    const wanted = new Map();
    for (let at = first; at < last; at += 1) wanted.set(filters.shown[at].index, at);
    if (filters.shown[this.active]) wanted.set(filters.shown[this.active].index, this.active);
    for (const [index, cell] of this.cells) {
      if (wanted.has(index)) continue;
      cell.remove();
      this.cells.delete(index);
    }
    for (const [index, at] of wanted) {
      if (!this.cells.has(index)) this.cells.set(index, this.place(cellOf(items[index]), at));
    }
    this.showActive();
  },

  place(cell, at) {
    const x = (at % this.columns) * (this.cellWidth + this.gap);
    const y = Math.floor(at / this.columns) * this.rowHeight;
    cell.style.transform = `translate(${x}px, ${y}px)`;
    cell.setAttribute("aria-posinset", at + 1);
    cell.setAttribute("aria-setsize", filters.shown.length);
    this.node.append(cell);
    return cell;
  },

  showActive() {
    const item = filters.shown[this.active];
    for (const [index, cell] of this.cells) {
      const active = item && index === item.index;
      cell.classList.toggle("active", Boolean(active));
      cell.setAttribute("aria-selected", active ? "true" : "false");
    }
    if (item) this.node.setAttribute("aria-activedescendant", `item-${item.index}`);
    else this.node.removeAttribute("aria-activedescendant");
  },

  /** Make a place of the list the active one and bring it into sight. */
  go(at) {
    if (!filters.shown.length) return;
    this.active = Math.min(Math.max(at, 0), filters.shown.length - 1);
    const row = this.top() + Math.floor(this.active / this.columns) * this.rowHeight;
    const room = innerHeight - this.covered();
    if (row < scrollY) scrollTo({ top: row });
    else if (row + this.rowHeight > scrollY + room) scrollTo({ top: row + this.rowHeight - room });
    this.draw();
  },

  get pageRows() {
    return Math.max(1, Math.floor((innerHeight - this.covered()) / this.rowHeight));
  },
};

/** One picture in the grid. */
function cellOf(item) {
  const cell = made("div", `cell ${item.status}`);
  cell.id = `item-${item.index}`;
  cell.dataset.index = item.index;
  cell.setAttribute("role", "option");
  const frame = made("div", "frame");
  if (item.shown) {
    const picture = made("img", `luma-${item.matrix}`);
    picture.alt = "";
    picture.decoding = "async";
    picture.draggable = false;
    picture.src = thumbnailOf(item);
    frame.append(picture);
  } else {
    frame.append(made("p", "cell-reason", printable(item.reason) || STATES[item.status]));
  }
  if (item.kind === "film") frame.append(made("span", "badge badge-film", "Film"));
  frame.append(made("span", "badge badge-mark"));
  const caption = made("div", "caption");
  caption.append(nameOf(item), noteOf(item));
  cell.append(frame, caption);
  showMark(cell, item);
  return cell;
}

/** A name that is cut in its middle when it is too long: numbers stand at the end. */
function nameOf(item) {
  const letters = [...item.name];
  const name = made("bdi", "cell-name");
  const end = letters.splice(Math.max(0, letters.length - END_OF_NAME)).join("");
  name.title = item.path;
  name.append(made("span", "cell-name-start", letters.join("")), made("span", "", end));
  return name;
}

/** The line under a name: what is not as usual, or how sure the generator was. */
function noteOf(item) {
  const note = made("div", "note");
  if (item.status !== "colored") note.append(made("span", "", STATES[item.status]));
  else if (item.confidence !== null) {
    const meter = made("span", "meter");
    meter.style.setProperty("--share", percent(item.confidence).replace(" ", ""));
    note.append(meter, made("span", "", percent(item.confidence)));
  }
  if (item.warnings.length) note.append(made("span", "warned", count(item.warnings.length, "warning")));
  return note;
}

function showMark(cell, item) {
  const mark = marks.of(item);
  cell.classList.toggle("accepted", mark === ACCEPT);
  cell.classList.toggle("rejected", mark === REJECT);
  const badge = cell.querySelector(".badge-mark");
  badge.replaceChildren(...(mark ? [icon(mark === ACCEPT ? "check" : "cross")] : []));
  const words = [item.path, STATES[item.status]];
  if (item.confidence !== null) words.push(`confidence ${percent(item.confidence)}`);
  if (item.warnings.length) words.push(count(item.warnings.length, "warning"));
  if (item.reason) words.push(printable(item.reason));
  if (mark) words.push(mark === ACCEPT ? "accepted" : "rejected");
  cell.setAttribute("aria-label", words.join(", "));
}
