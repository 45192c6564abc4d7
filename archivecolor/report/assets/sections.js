// Where each picture of the grid lies: rows below the heading of their folder. All of it is arithmetic on a list of sections,
// so that fifty thousand pictures need no more of it than a few.

const HEADING_PX = 52;

const sections = {
  list: [],
  columns: 1,
  rowHeight: 200,
  height: 0,

  lay(shown, { columns, rowHeight, headed }) {
    this.columns = columns;
    this.rowHeight = rowHeight;
    this.list = [];
    let top = 0;
    const close = (first, end) => {
      const section = { folder: shown[first].folder, first, count: end - first, top: top + (headed ? HEADING_PX : 0) };
      top = section.top + Math.ceil(section.count / columns) * rowHeight;
      this.list.push(section);
    };
    let first = 0;
    for (let at = 1; headed && at < shown.length; at += 1) {
      if (shown[at].folder === shown[first].folder) continue;
      close(first, at);
      first = at;
    }
    if (shown.length) close(first, shown.length);
    this.height = top;
  },

  /** The last section of which `key` is not beyond `value`. */
  find(key, value) {
    let [low, high] = [0, this.list.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.list[middle][key] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  },

  /** Column and top of a place of the list. */
  place(at) {
    const section = this.list[this.find("first", at)];
    const within = at - section.first;
    return { column: within % this.columns, top: section.top + Math.floor(within / this.columns) * this.rowHeight };
  },

  /** The places and sections that lie between two heights. */
  between(from, to) {
    const found = { places: [], sections: [] };
    for (let i = this.find("top", Math.max(0, from)); i < this.list.length; i += 1) {
      const section = this.list[i];
      if (section.top - HEADING_PX > to) break;
      found.sections.push(section);
      const row = (y) => Math.floor((y - section.top) / this.rowHeight);
      const first = Math.max(0, row(from)) * this.columns;
      const end = Math.min(section.count, (row(to) + 1) * this.columns);
      for (let at = first; at < end; at += 1) found.places.push(section.first + at);
    }
    return found;
  },

  /** The place above or below: in the next row of the section, or in the first or last row of the one beside it. */
  beside(at, by) {
    const number = this.find("first", at);
    const section = this.list[number];
    const column = (at - section.first) % this.columns;
    const wanted = at + by * this.columns;
    if (wanted >= section.first && wanted < section.first + section.count) return wanted;
    const lastRow = Math.floor((section.count - 1) / this.columns);
    if (by > 0 && Math.floor((at - section.first) / this.columns) < lastRow) return section.first + section.count - 1;
    const other = this.list[number + by];
    if (!other) return at;
    if (by > 0) return other.first + Math.min(column, other.count - 1);
    const row = Math.floor((other.count - 1) / this.columns) * this.columns;
    return other.first + Math.min(row + column, other.count - 1);
  },
};
