// What the page is about: one object an item, made from the rows of the embedded data.

const data = JSON.parse(document.getElementById("data").textContent);

/** `report/page.py` says what the fields are. */
const items = data.items.map((row, index) => {
  const item = { index };
  data.fields.forEach((field, i) => {
    item[field] = row[i];
  });
  const slash = item.source.lastIndexOf("/");
  item.folder = slash < 0 ? "" : item.source.slice(0, slash);
  item.name = printable(item.source.slice(slash + 1));
  item.path = printable(item.source);
  item.searched = item.path.toLowerCase();
  item.warnings = item.warnings.map((i) => data.texts[i]);
  item.reason = item.reason === null ? "" : data.texts[item.reason];
  item.hint = item.hint === null ? "" : data.texts[item.hint];
  item.engine = item.engine === null ? "" : data.texts[item.engine];
  return item;
});

/** What became of the luma, where it is not what it was. */
const LUMAS = { "coded anew": "Luma coded anew", "coded with loss": "Luma coded with loss" };
const STATES = { colored: "Colored", skipped: "Left as it was", failed: "Failed", missing: "Without a result" };

const thumbnailOf = (item) => `thumbs/${item.id.slice(0, 2)}/${item.id}.jpg`;
const pictureOf = (item) => `pictures/${item.id.slice(0, 2)}/${item.id}.jpg`;
const frameOf = (item, number) => `pictures/${item.id.slice(0, 2)}/${item.id}.${number}.jpg`;
const resultOf = (item) => `${data.root}/${addressOf(item.result)}`;
const mapOf = (item) => `pictures/${item.id.slice(0, 2)}/${item.id}.map.png`;

const numbered = new Intl.NumberFormat("en");
const count = (n, one, many = `${one}s`) => `${numbered.format(n)} ${n === 1 ? one : many}`;
const two = (n) => String(n).padStart(2, "0");

/** A time in a film: '1:02:03' or '2:03'. */
function clock(seconds) {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** What a frame of a film or a page of a file is called. */
const partOf = (item, number) =>
  item.kind === "film" ? clock(item.frames[number][0]) : `page ${item.frames[number][0]}`;

const percent = (share) => `${Math.round(share * 100)} %`;

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

let toastTimer = 0;

/** A word on what has just happened, for eyes and screen readers. */
function say(text, forSeconds = 2.5) {
  const toast = element("toast");
  // An open dialog makes all else inert
  const home = document.querySelector("dialog[open]") ?? document.body;
  if (toast.parentNode !== home) home.append(toast);
  toast.textContent = text;
  toast.classList.add("seen");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove("seen"), forSeconds * 1000);
}
