// Accepted and rejected: kept in this browser by the item's id, which changes with its result. So a result that was made
// again comes unmarked, and a page that was made again finds the marks of all others.

const ACCEPT = "accept";
const REJECT = "reject";

const marks = {
  key: `archivecolor:${data.run}`,
  byId: {},
  kept: true,
  changed: [],
  last: null,

  of(item) {
    return this.byId[item.id] ?? null;
  },

  /** Mark an item, or take its mark back (null). Other tabs may have marked meanwhile: read before writing. */
  set(item, mark) {
    this.last = { item, before: this.of(item) };
    this.load();
    if (mark) this.byId[item.id] = mark;
    else delete this.byId[item.id];
    try {
      localStorage.setItem(this.key, JSON.stringify(this.byId));
    } catch {
      this.complain();
    }
    this.tell(item);
  },

  /** Take the last mark back; gives its item. */
  undo() {
    if (!this.last) return null;
    const { item, before } = this.last;
    this.set(item, before);
    this.last = null;
    return item;
  },

  load() {
    if (!this.kept) return;
    try {
      const found = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      this.byId = found && typeof found === "object" ? found : {};
    } catch (e) {
      if (!(e instanceof SyntaxError)) this.complain();
    }
  },

  complain() {
    if (this.kept) say("This browser does not keep marks: export them before you close the page.", 8);
    this.kept = false;
  },

  tell(item) {
    for (const listener of this.changed) listener(item);
  },

  counts() {
    const counts = { [ACCEPT]: 0, [REJECT]: 0 };
    for (const item of items) if (this.of(item) in counts) counts[this.of(item)] += 1;
    return counts;
  },
};

marks.load();
addEventListener("storage", (event) => {
  if (event.key !== marks.key) return;
  marks.load();
  marks.tell(null);
});

/** Whether a line of a list can hold a name: lists are split at newlines, whatever system they come from. */
const fitsALine = (name) => !name.includes("\n") && !name.endsWith("\r") && name.trim() !== "";

/** Hand a list out as a file: what `archivecolor folder --only-from` reads, to the byte. */
function exportList(chosen, name) {
  const held = chosen.filter((item) => fitsALine(item.source));
  const newline = Uint8Array.of(10);
  handOut(new Blob([joined(held.flatMap((item) => [bytesOf(item.source), newline]))], { type: "text/plain" }), name);
  const left = chosen.length - held.length;
  if (left) say(`${name}: ${count(left, "name")} left out, a line cannot hold a name with line breaks`, 8);
  else say(`${count(held.length, "path")} in ${name}`);
}
