// What the page is about: one object an item, made from a row of the embedded data.

const data = JSON.parse(document.getElementById("data").textContent);

/** `report/page.py` says what the fields are. What is long is worked out when it is asked for: there may be 50,000. */
class Item {
  constructor(row, texts, index) {
    data.fields.forEach((field, i) => {
      this[field] = row[i];
    });
    this.index = index;
    this.warnings = row[data.fields.indexOf("warnings")].map((i) => texts[i]);
    for (const field of ["reason", "hint", "engine"]) this[field] = this[field] === null ? "" : texts[this[field]];
    const slash = this.source.lastIndexOf("/");
    this.folder = slash < 0 ? "" : this.source.slice(0, slash);
    this.file = this.source.slice(slash + 1);
  }

  get name() {
    return printable(this.file);
  }

  get path() {
    return printable(this.source);
  }

  get searched() {
    this.lower ??= this.path.toLowerCase();
    return this.lower;
  }

  /** Where marks and lists of results have it: its result below OUT or, of what has none, its source below SRC. */
  get place() {
    return this.result ?? this.source;
  }

  /** Whether it waits for a judgement: there is nothing to judge of what failed, and what was left alone is no result. */
  get isJudged() {
    return this.status === "colored";
  }

  /** Whether it was left alone, and may be colored all the same. */
  get isLeftAlone() {
    return this.status === "skipped";
  }
}

const makeItem = (row, texts, index) => new Item(row, texts, index);

const items = data.items.map((row, index) => makeItem(row, data.texts, index));

// Of fifty thousand items the text and the rows that they were read from are 25 MB
document.getElementById("data").remove();
data.items = [];

/** Called with an item that was made again. */
const itemsChanged = [];

/** Make of an item what it is since it was made again: `row` and `texts` as in the page's data. It stays the same object. */
function replaceItem(id, row, texts) {
  const item = items.find((each) => each.id === id);
  if (!item) return null;
  Object.assign(item, makeItem(row, texts, item.index));
  for (const listener of itemsChanged) listener(item);
  return item;
}

/** What became of the luma, where it is not what it was. */
const LUMAS = { "coded anew": "Luma coded anew", "coded with loss": "Luma coded with loss" };
const STATES = { colored: "Colored", skipped: "Left as it was", failed: "Failed", missing: "Without a result" };

/** Its thumbnail, to be shown `wide` of the screen's pixels. */
function thumbnailOf(item, wide) {
  // Enlarged by a little, the small one is as good; the other takes twice the memory
  const small = wide <= data.sides.smallThumb * 1.15 ? ".small" : "";
  return `thumbs/${item.id.slice(0, 2)}/${item.id}${small}.jpg`;
}
const pictureOf = (item) => `pictures/${item.id.slice(0, 2)}/${item.id}.jpg`;
const frameOf = (item, number) => `pictures/${item.id.slice(0, 2)}/${item.id}.${number}.jpg`;
const mapOf = (item) => `pictures/${item.id.slice(0, 2)}/${item.id}.map.png`;
const seenOf = (item) => `pictures/${item.id.slice(0, 2)}/${item.id}.css`;
const tilesOf = (item, page) => `tiles/${item.id.slice(0, 2)}/${item.id}${page === null ? "" : `.${page}`}`;
const copyOf = (item) => `films/${item.id.slice(0, 2)}/${item.id}.mp4`;
/** The result itself or, of what was left alone, the source; null where neither is known. */
function resultOf(item) {
  // A server's page stays open while results change; this makes their addresses change as well
  if (item.result !== null) return `${data.root}/${addressOf(item.result)}${data.live ? `?${item.id}` : ""}`;
  return item.isLeftAlone && data.sources ? `${data.sources}/${addressOf(item.source)}` : null;
}

const numbered = new Intl.NumberFormat("en");
const count = (n, one, many = `${one}s`) => `${numbered.format(n)} ${n === 1 ? one : many}`;
const two = (n) => String(n).padStart(2, "0");

/** A time in a film, never later than it is: '1:02:03.4' or '2:03.4'. */
function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const [h, m, s] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, Math.floor(tenths / 10) % 60];
  const rest = `${two(s)}.${tenths % 10}`;
  return h ? `${h}:${two(m)}:${rest}` : `${m}:${rest}`;
}

/** What a frame of a film, by its time code if it has one, or a page of a file is called. */
function partOf(item, number) {
  const [at, , , , , , , , code] = item.frames[number];
  return item.kind === "film" ? code || clock(at) : `page ${at}`;
}

const percent = (share) => `${Math.round(share * 100)} %`;

function dayOf(moment) {
  const date = new Date(moment);
  return Number.isNaN(date.getTime())
    ? ""
    : date.toLocaleDateString("en-US", { day: "numeric", month: "long", year: "numeric" });
}

const element = (id) => document.getElementById(id);

/** A new element with a class and, as text and never as markup, what it says. */
function made(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** One of the symbols at the end of the page. */
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Let the browser save a file. */
function handOut(file, name) {
  const link = made("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Press one of the buttons of a group, by its value. */
function pressOne(group, value) {
  for (const button of element(group).querySelectorAll("button[value]")) {
    button.setAttribute("aria-pressed", String(button.value === value));
  }
}

let toastTimer = 0;

/** A word on what has just happened, for eyes and screen readers. */
function say(text, forSeconds = 2.5) {
  const toast = element("toast");
  // An open dialog makes all else inert; the last one lies on top
  const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (toast.parentNode !== home) home.append(toast);
  toast.textContent = text;
  toast.classList.add("seen");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove("seen"), forSeconds * 1000);
}
