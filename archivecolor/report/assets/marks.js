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
    this.history = []; // what OUT keeps is nothing to undo
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

  /** Mark items, or take their marks back (null); gives those that it has a meaning for, or null where it is refused. */
  async set(chosen, mark) {
    const meant = chosen.filter((item) => (mark === null ? this.of(item) : this.fits(item, mark)));
    const entry = (item) => [mark ?? "", new Date().toISOString(), this.by, this.noteOf(item)];
    return (await this.change(meant, entry)) ? meant : null;
  },

  /** Whether it stands. */
  async note(item, text) {
    if (text === this.noteOf(item)) return true;
    return this.change([item], () => [this.of(item) ?? "", new Date().toISOString(), this.by, text]);
  },

  async change(chosen, entryOf) {
    return chosen.length === 0 || this.writeUndoably(chosen.map((item) => [item, entryOf(item)]));
  },

  async writeUndoably(pairs) {
    const before = this.pairsOf(pairs.map(([item]) => item));
    this.history.push(before);
    if (this.history.length > MOST_UNDOS) this.history.shift();
    const stands = await this.write(pairs);
    if (!stands) this.history = this.history.filter((change) => change !== before);
    return stands;
  },

  pairsOf(chosen) {
    return chosen.map((item) => [item, this.byId[item.id] ?? null]);
  },

  /** Take the last change back; gives its items. */
  async undo() {
    const last = this.history.pop();
    if (!last) return [];
    if (!(await this.write(last))) {
      this.history.push(last);
      return null;
    }
    return last.map(([item]) => item);
  },

  /** Show them, and have them kept; whether they stand. */
  async write(pairs) {
    const before = this.pairsOf(pairs.map(([item]) => item));
    const isKept = await backend.writeMarks(this.show(pairs));
    if (isKept === null) this.show(before);
    else if (!isKept) this.complain();
    return isKept !== null;
  },

  /** Show them; gives them by id. */
  show(pairs) {
    const changed = {};
    for (const [item, entry] of pairs) {
      const holds = entry && (entry[0] || entry[3]);
      changed[item.id] = holds ? entry : null;
      if (holds) this.byId[item.id] = entry;
      else delete this.byId[item.id];
    }
    for (const [item] of pairs.length > 1 ? [[null]] : pairs) this.tell(item);
    return changed;
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
    if (pairs.length && !(await this.writeUndoably(pairs))) tally.taken = 0;
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
