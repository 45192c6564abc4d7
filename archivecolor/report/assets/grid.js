// The grid: only the rows in and around the window are in the document, however many pictures there are.

const NARROW_PX = 620;
const ROWS_AROUND = 2;
const END_OF_NAME = 10;
/** Pictures that pass faster than this, in pixels a frame, are only shown where they come to rest. */
const FAST_PX = 100;
const RESTED_MS = 100;
/** Least widths of a thumbnail on a desk and on a phone, by its size. */
const SIZES = { small: [132, 104], medium: [208, 150], large: [312, 300] };
/** Of a cell, at the sides of its picture. */
const AROUND_PX = 34;
const SIZE_KEY = "archivecolor:size";

const grid = {
  node: element("grid"),
  headings: element("headings"),
  cells: new Map(),
  heads: new Map(),
  active: 0,
  size: "medium",
  width: 0,
  cellWidth: 200,
  gap: 16,
  lastY: 0,
  resting: 0,

  setUp() {
    addEventListener("scroll", () => this.schedule(), { passive: true });
    // Its height is our own doing; cells that are made again under a pointer would lose its click
    new ResizeObserver(() => this.node.clientWidth !== this.width && this.lay()).observe(this.node);
    filters.changed.push(() => {
      this.active = 0;
      this.lay();
      scrollTo({ top: Math.min(scrollY, this.top()) });
    });
    marks.changed.push((item) => {
      for (const [index, cell] of this.cells) if (!item || index === item.index) showMark(cell, items[index]);
    });
    itemsChanged.push((item) => {
      this.cells.get(item.index)?.remove();
      this.cells.delete(item.index);
      this.draw();
    });
    for (const button of element("sizes").querySelectorAll("button")) {
      button.addEventListener("click", () => this.resize(button.value));
    }
    const kept = localStorageOr(SIZE_KEY);
    if (kept in SIZES) this.size = kept;
    pressOne("sizes", this.size);
  },

  resize(size) {
    this.size = size;
    try {
      localStorage.setItem(SIZE_KEY, size);
    } catch {
      // then it is medium again next time
    }
    pressOne("sizes", size);
    this.lay();
    this.go(this.active);
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
    const least = SIZES[this.size][narrow ? 1 : 0];
    const columns = Math.max(1, Math.floor((width + this.gap) / (least + this.gap)));
    this.cellWidth = (width - this.gap * (columns - 1)) / columns;
    const rowHeight = Math.round(this.cellWidth * 0.78) + 44 + this.gap;
    const { shown } = filters;
    const headed = element("order").value === "path" && shown.some((item) => item.folder !== shown[0].folder);
    sections.lay(shown, { columns, rowHeight, headed });
    this.headed = headed;
    this.node.style.height = `${sections.height}px`;
    this.node.style.setProperty("--cell-width", `${this.cellWidth}px`);
    this.node.style.setProperty("--cell-height", `${rowHeight - this.gap}px`);
    for (const cell of [...this.cells.values(), ...this.heads.values()]) cell.remove();
    this.cells.clear();
    this.heads.clear();
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
    const { shown } = filters;
    const above = -this.node.getBoundingClientRect().top;
    const around = ROWS_AROUND * sections.rowHeight;
    const near = shown.length ? sections.between(above - around, above + innerHeight + around) : { places: [], sections: [] };
    const wanted = new Map(near.places.map((at) => [shown[at].index, at]));
    if (shown[this.active]) wanted.set(shown[this.active].index, this.active);
    for (const [index, cell] of this.cells) {
      if (wanted.has(index)) continue;
      cell.querySelector("img")?.removeAttribute("src"); // or pictures out of sight stay in memory for a while
      cell.remove();
      this.cells.delete(index);
    }
    const added = document.createDocumentFragment();
    for (const [index, at] of wanted) {
      if (this.cells.has(index)) continue;
      const cell = this.place(cellOf(items[index]), at);
      this.cells.set(index, cell);
      added.append(cell);
    }
    this.node.append(added);
    const fast = Math.abs(scrollY - this.lastY) > FAST_PX;
    this.lastY = scrollY;
    clearTimeout(this.resting);
    if (fast) this.resting = setTimeout(() => this.showPictures(), RESTED_MS);
    else this.showPictures();
    this.drawHeadings(this.headed ? near.sections : []);
    this.showActive();
  },

  showPictures() {
    for (const picture of this.node.querySelectorAll("img[data-src]")) {
      picture.src = picture.dataset.src;
      delete picture.dataset.src;
    }
  },

  drawHeadings(wanted) {
    const firsts = new Set(wanted.map((section) => section.first));
    for (const [first, head] of this.heads) {
      if (firsts.has(first)) continue;
      head.remove();
      this.heads.delete(first);
    }
    for (const section of wanted) {
      if (this.heads.has(section.first)) continue;
      const head = headingOf(section);
      head.style.transform = `translateY(${section.top - HEADING_PX}px)`;
      this.heads.set(section.first, head);
      this.headings.append(head);
    }
  },

  place(cell, at) {
    const { column, top } = sections.place(at);
    cell.style.transform = `translate(${column * (this.cellWidth + this.gap)}px, ${top}px)`;
    cell.setAttribute("aria-posinset", at + 1);
    cell.setAttribute("aria-setsize", filters.shown.length);
    return cell;
  },

  showActive() {
    const item = filters.shown[this.active];
    for (const [index, cell] of this.cells) cell.classList.toggle("active", Boolean(item && index === item.index));
    selection.show();
    if (item) this.node.setAttribute("aria-activedescendant", `item-${item.index}`);
    else this.node.removeAttribute("aria-activedescendant");
  },

  /** Make a place of the list the active one and bring it into sight. */
  go(at) {
    if (!filters.shown.length) return;
    this.active = Math.min(Math.max(at, 0), filters.shown.length - 1);
    const row = this.top() + sections.place(this.active).top;
    const room = innerHeight - this.covered() - selection.covered();
    const head = this.headed ? HEADING_PX : 0;
    if (row - head < scrollY) scrollTo({ top: row - head });
    else if (row + sections.rowHeight > scrollY + room) scrollTo({ top: row + sections.rowHeight - room });
    this.draw();
  },

  get pageRows() {
    return Math.max(1, Math.floor((innerHeight - this.covered()) / sections.rowHeight));
  },

  /** Up or down by rows. */
  move(rows) {
    let at = this.active;
    for (let i = 0; i < Math.abs(rows); i += 1) at = sections.beside(at, Math.sign(rows));
    this.go(at);
  },
};

function localStorageOr(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** The name of a folder above its pictures, and a button that takes all of them into the selection. */
function headingOf({ folder, first, count: n }) {
  const head = made("div", "heading");
  const slash = folder.lastIndexOf("/");
  const title = made("h2", "heading-name");
  if (slash >= 0) title.append(made("span", "heading-above", `${printable(folder.slice(0, slash))} / `));
  title.append(made("bdi", "", folder ? printable(folder.slice(slash + 1)) : "At the top"));
  const all = made("button", "button button-plain heading-all", `Select ${numbered.format(n)}`);
  all.type = "button";
  all.addEventListener("click", () => selection.add(filters.shown.slice(first, first + n)));
  head.append(title, made("span", "quiet", count(n, "picture")), all);
  return head;
}

/** One picture in the grid. */
function cellOf(item) {
  const cell = made("div", `cell ${item.status}`);
  cell.id = `item-${item.index}`;
  cell.dataset.index = item.index;
  cell.setAttribute("role", "option");
  const frame = made("div", "frame");
  if (item.shown) {
    const picture = made("img", item.isJudged ? `luma-${item.matrix}` : "");
    picture.alt = "";
    picture.decoding = "async";
    picture.draggable = false;
    picture.dataset.src = thumbnailOf(item, (grid.cellWidth - AROUND_PX) * devicePixelRatio);
    frame.append(picture);
  } else {
    frame.append(made("p", "cell-reason", printable(item.reason) || STATES[item.status]));
  }
  frame.append(badgesOf(item), made("span", "badge-mark"), made("span", "tick"));
  const caption = made("div", "caption");
  caption.append(nameOf(item), noteOf(item));
  cell.append(frame, caption, made("span", "ears"));
  showMark(cell, item);
  return cell;
}

function badgesOf(item) {
  const badges = made("span", "badges");
  const words = [];
  if (item.kind === "film") words.push(item.duration ? `Film ${item.duration}` : "Film");
  if (item.pages > 1) words.push(count(item.pages, "page"));
  if (BADGES.painted(item)) words.push("Painted");
  if (item.redone) words.push("Redone");
  badges.append(...words.map((word) => made("span", "badge", word)));
  return badges;
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
    note.append(meter, made("span", "ears", "confidence"), made("span", "", percent(item.confidence)));
  }
  if (item.warnings.length) note.append(made("span", "warned", count(item.warnings.length, "warning")));
  return note;
}

const MARK_ICONS = { [ACCEPT]: "check", [REJECT]: "cross", [LATER]: "clock", [RECOLOR]: "brush" };

function showMark(cell, item) {
  const mark = marks.of(item);
  for (const each of Object.keys(MARKS)) cell.classList.toggle(each, mark === each);
  cell.querySelector(".badge-mark").replaceChildren(...(mark ? [icon(MARK_ICONS[mark])] : []));
  // What the eye sees of a cell is its name for the ear, too; here is what is left
  const words = [item.folder && `in ${printable(item.folder)}`, item.status === "colored" && "colored"];
  if (item.shown && item.reason) words.push(printable(item.reason));
  if (mark) words.push(MARKS[mark].toLowerCase());
  if (marks.noteOf(item)) words.push("with a note");
  cell.querySelector(":scope > .ears").textContent = `, ${words.filter(Boolean).join(", ")}`;
}
