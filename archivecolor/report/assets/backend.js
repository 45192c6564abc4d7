// The seam between the page and what keeps its state: whatever else is on the page asks `backend` and nobody else.
//
// The page that is read from disk has the one below. It keeps marks and strokes in this browser, hands files out as
// downloads, and can only say which command makes a picture again. A page that a server gives out has another object
// with the same members, chosen by `data.live`:
//
//   live                 whether 'make again' acts at once
//   readMarks()          -> {id: [mark, at, by, note]}: all marks that are kept, by the ids of items
//   writeMarks(changed)  {id: the same, or null to forget it} -> whether they are kept; null: refused, as was
//                        said, so that they do not count. Nothing else may be lost
//   watchMarks(heard)    calls heard(id) when somebody else changed the mark of an item; null: of any
//   readStrokes()        -> {layer: {width, height, strokes}}: what was painted, by where a layer belongs (strokes.js)
//   writeStrokes(layer, painted)   painted: the same, or null where all was rubbed out -> whether it is kept
//   watchStrokes(heard)  calls heard(layer, painted) when somebody else painted on a layer
//   saveHints(layers)    [{name, png}] with paths below the folder of hints -> what to tell the user; null: not saved
//   makeAgain(items)     -> nothing, or throws an Error whose message is for the user
//   watchItems(heard)    calls heard(id, row, texts) when an item was made again; row and texts as in the page's data
//   reviewer(name)       who marks; with a name, remember it
//
// All but `live` and those that watch give promises.

const KEY = `archivecolor:${data.run}`;

/** What this browser keeps; every item has a key of its own, so that two tabs never write over each other. */
const kept = {
  all(prefix) {
    const found = {};
    try {
      for (let i = 0; i < localStorage.length; i += 1) {
        const key = localStorage.key(i);
        if (key.startsWith(prefix)) found[key.slice(prefix.length)] = JSON.parse(localStorage.getItem(key));
      }
    } catch {
      return found; // it keeps nothing, or what it kept is damaged
    }
    return found;
  },

  put(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  },
};

const backend = {
  live: false,
  folder: null,

  async readMarks() {
    return kept.all(`${KEY}:mark:`);
  },

  async writeMarks(changed) {
    return Object.entries(changed).every(([id, mark]) => kept.put(`${KEY}:mark:${id}`, mark));
  },

  watchMarks(heard) {
    addEventListener("storage", ({ key }) => {
      if (key === null) heard(null);
      else if (key.startsWith(`${KEY}:mark:`)) heard(key.slice(KEY.length + 6));
    });
  },

  async readStrokes() {
    return kept.all(`${KEY}:strokes:`);
  },

  async writeStrokes(layer, painted) {
    return kept.put(`${KEY}:strokes:${layer}`, painted);
  },

  watchStrokes(heard) {
    addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(`${KEY}:strokes:`)) heard(key.slice(KEY.length + 9), JSON.parse(newValue));
    });
  },

  /** Into the folder of hints, which is asked for once; where a browser cannot, as one ZIP with the same paths. */
  async saveHints(layers) {
    if (window.showDirectoryPicker && !layers.some(({ name }) => LONE_BYTE.test(name))) {
      try {
        this.folder ??= await window.showDirectoryPicker({ id: "hints", mode: "readwrite" });
        for (const { name, png } of layers) await writeBelow(this.folder, name.split("/"), png);
        return `${count(layers.length, "layer")} written into ${printable(this.folder.name)}`;
      } catch (e) {
        if (e.name === "AbortError") return null;
        this.folder = null; // not allowed, or gone
      }
    }
    handOut(await zipped(layers.map(({ name, png }) => ({ name, blob: png }))), HINTS_ZIP);
    return `${count(layers.length, "layer")} in ${HINTS_ZIP}`;
  },

  async makeAgain() {
    throw new Error("This page was read from disk. 'Next step' has the command that makes it again.");
  },

  watchItems() {
    // nothing is made again behind a page that was read from disk
  },

  async reviewer(name) {
    const key = "archivecolor:reviewer";
    if (name !== undefined) kept.put(key, name || null);
    return kept.all(key)[""] ?? "";
  },
};

const HINTS_ZIP = "hints.zip";

async function writeBelow(folder, parts, content) {
  let place = folder;
  for (const part of parts.slice(0, -1)) place = await place.getDirectoryHandle(part, { create: true });
  const file = await place.getFileHandle(parts.at(-1), { create: true });
  const stream = await file.createWritable();
  await stream.write(content);
  await stream.close();
}
