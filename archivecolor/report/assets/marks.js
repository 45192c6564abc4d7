// What reviewers say of items, kept by the item's id, which changes with its result: so a result that was made again comes
// unmarked, and a page that was made again finds the marks of all others.

const ACCEPT = "accepted";
const REJECT = "rejected";
const LATER = "later";
const RECOLOR = "recolor"; // of what was left alone: color it anyway
const MARKS = { [ACCEPT]: "Accepted", [REJECT]: "Rejected", [LATER]: "Later", [RECOLOR]: "To be colored anyway" };
const MOST_UNDOS = 200;

const marks = {
  byId: {},
  kept: true,
  by: "",
  changed: [],
  history: [],

  async setUp() {
    this.byId = await backend.readMarks();
    this.by = await backend.reviewer();
    await this.take((data.marks ?? []).map(([path, mark, note, at, by]) => ({ path, mark, note, at, by })));
    backend.watchMarks(async (id) => {
      this.byId = await backend.readMarks();
      this.tell(id === null ? null : (items.find((item) => item.id === id) ?? null));
    });
  },

  of(item) {
    return this.byId[item.id]?.[0] || null;
  },

  noteOf(item) {
    return this.byId[item.id]?.[3] ?? "";
  },

  /** Whether a mark has a meaning for an item. */
  fits(item, mark) {
    return mark === RECOLOR ? item.isLeftAlone : item.isJudged;
  },

  /** Mark items, or take their marks back (null); gives those that it has a meaning for. */
  async set(chosen, mark) {
    const meant = chosen.filter((item) => (mark === null ? this.of(item) : this.fits(item, mark)));
    const entry = (item) => [mark ?? "", new Date().toISOString(), this.by, this.noteOf(item)];
    await this.change(meant, entry);
    return meant;
  },

  async note(item, text) {
    if (text === this.noteOf(item)) return;
    await this.change([item], () => [this.of(item) ?? "", new Date().toISOString(), this.by, text]);
  },

  async change(chosen, entryOf) {
    if (!chosen.length) return;
    this.history.push(chosen.map((item) => [item, this.byId[item.id] ?? null]));
    if (this.history.length > MOST_UNDOS) this.history.shift();
    await this.write(chosen.map((item) => [item, entryOf(item)]));
  },

  /** Take the last change back; gives its items. */
  async undo() {
    const last = this.history.pop();
    if (!last) return [];
    await this.write(last);
    return last.map(([item]) => item);
  },

  async write(pairs) {
    const changed = {};
    for (const [item, entry] of pairs) {
      const holds = entry && (entry[0] || entry[3]);
      changed[item.id] = holds ? entry : null;
      if (holds) this.byId[item.id] = entry;
      else delete this.byId[item.id];
    }
    for (const [item] of pairs.length > 1 ? [[null]] : pairs) this.tell(item);
    if (!(await backend.writeMarks(changed))) this.complain();
  },

  complain() {
    if (this.kept) say("This browser does not keep marks: save them before you close the page.", 8);
    this.kept = false;
  },

  tell(item) {
    for (const listener of this.changed) listener(item);
  },

  /** Take marks in that came from elsewhere, the newer of two; says how many, and why not the others. */
  async take(rows) {
    const byPlace = new Map(items.map((item) => [item.place, item]));
    const tally = { taken: 0, known: 0, stale: 0, strangers: 0 };
    const pairs = [];
    for (const { path, mark, note, at, by } of rows) {
      const item = byPlace.get(path);
      if (!item || (mark && !this.fits(item, mark))) tally.strangers += 1;
      else if (Date.parse(at) < item.made * 1000) tally.stale += 1;
      else if (at <= (this.byId[item.id]?.[1] ?? "")) tally.known += 1;
      else pairs.push([item, [mark, at, by ?? "", note ?? ""]]);
    }
    tally.taken = pairs.length;
    if (pairs.length) {
      this.history.push(pairs.map(([item]) => [item, this.byId[item.id] ?? null]));
      await this.write(pairs);
    }
    return tally;
  },

  counts() {
    const counts = { [ACCEPT]: 0, [REJECT]: 0, [LATER]: 0, [RECOLOR]: 0 };
    for (const item of items) {
      const mark = this.of(item);
      if (mark in counts) counts[mark] += 1;
    }
    return counts;
  },

  /** Items with that mark, in the order of the page. */
  with(mark) {
    return items.filter((item) => this.of(item) === mark);
  },
};
