// Which items are shown, and in what order.

const MOST_TEXTS = 40;

const filters = {
  shown: items,
  changed: [],

  /** Fill the choices with what there is, and listen. */
  setUp() {
    fillFolders();
    fillStates();
    fill("mark", [["", "All"], ["none", "Not yet reviewed"], ...markChoices(), ["note", "With a note"]]);
    const known = items.some((item) => item.confidence !== null);
    element("confidence-field").hidden = !known;
    const orders = [
      ["path", "By name"],
      ["warnings", "Most warnings first"],
    ];
    if (known) orders.splice(1, 0, ["unsure", "Least sure first"], ["sure", "Surest first"]);
    fill("order", orders);
    const form = element("filters");
    form.addEventListener("input", () => this.apply());
    form.addEventListener("submit", (event) => event.preventDefault());
    element("clear").addEventListener("click", () => this.clear());
  },

  clear() {
    element("filters").reset();
    this.apply();
  },

  /** What differs from all, by the names of the fields: goes into the page's address. */
  get state() {
    const fields = ["text", "folder", "state", "mark", "confidence", "order"];
    const initial = { confidence: "100", order: "path" };
    return fields.map((id) => [id, element(id).value]).filter(([id, value]) => value !== (initial[id] ?? ""));
  },

  /** Set every field, those that are not named to all; what is no choice is passed over. */
  set(fields) {
    element("filters").reset();
    for (const [id, value] of fields) {
      const field = element(id);
      const before = field.value;
      field.value = value;
      if (field.value !== value) field.value = before;
    }
    this.apply();
  },

  apply() {
    const words = element("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const folder = element("folder").value;
    const state = element("state").value;
    const mark = element("mark").value;
    const most = Number(element("confidence").value) / 100;
    element("confidence-value").textContent = percent(most);
    const kept = items.filter(
      (item) =>
        words.every((word) => item.searched.includes(word)) &&
        liesIn(item, folder) &&
        isIn(item, state) &&
        (most === 1 || (item.confidence !== null && item.confidence <= most)) &&
        hasMark(item, mark),
    );
    this.shown = ordered(kept, element("order").value);
    for (const listener of this.changed) listener();
  },
};

const markChoices = () => Object.entries(MARKS).filter(([mark]) => items.some((item) => marks.fits(item, mark)));

function hasMark(item, choice) {
  if (!choice) return true;
  if (choice === "none") return item.isJudged && !marks.of(item);
  return choice === "note" ? marks.noteOf(item) !== "" : marks.of(item) === choice;
}

/** What a warning is about, without its numbers and the file it names: alike warnings are of one kind. */
function kindOf(text) {
  const said = text.replace(/^[^\s:]*\.\w{2,4}: /, "").replace(/ ?\(.*$/s, "");
  const about = said.includes(": ") ? said.slice(0, said.indexOf(": ")) : said;
  return about.replace(/\d[\d.,:]*/g, "…").trim();
}

function liesIn(item, choice) {
  if (!choice) return true;
  const folder = choice.slice(1);
  return item.folder === folder || (folder !== "" && item.folder.startsWith(`${folder}/`));
}

function isIn(item, choice) {
  const [kind, rest] = [choice.slice(0, 1), choice.slice(1)];
  if (kind === "s") return item.status === rest;
  if (kind === "w") return rest ? item.warnings.some((text) => kindOf(text) === rest) : item.warnings.length > 0;
  if (kind === "r") return item.reason === rest;
  if (kind === "k") return item.kind === rest;
  if (kind === "b") return BADGES[rest](item);
  if (kind === "l") return item.luma === rest;
  return true;
}

/** What a picture may be besides, by the word for it. */
const BADGES = {
  painted: (item) => item.painted || strokesOf(item).length > 0,
  redone: (item) => item.redone,
  paged: (item) => item.pages > 1,
};
const BADGE_NAMES = { painted: "Painted on", redone: "Made again", paged: "Of several pages" };

function ordered(kept, order) {
  const unknown = order === "sure" ? -1 : 2;
  const sure = (item) => item.confidence ?? unknown;
  if (order === "unsure") return kept.sort((a, b) => sure(a) - sure(b) || a.index - b.index);
  if (order === "sure") return kept.sort((a, b) => sure(b) - sure(a) || a.index - b.index);
  if (order === "warnings") return kept.sort((a, b) => b.warnings.length - a.warnings.length || a.index - b.index);
  return kept;
}

/** Put `[value, text]` pairs into a select; pairs under a heading come as `[heading, pairs]`. */
function fill(id, choices) {
  const option = ([value, text]) => Object.assign(made("option", "", text), { value });
  const select = element(id);
  select.replaceChildren(
    ...choices.map((choice) => {
      if (!Array.isArray(choice[1])) return option(choice);
      const group = Object.assign(made("optgroup"), { label: choice[0] });
      group.append(...choice[1].map(option));
      return group;
    }),
  );
}

/** Every folder with the number of items in and below it. A folder's value is `=` and its name: `=` is the top. */
function fillFolders() {
  const counts = new Map();
  for (const { folder } of items) {
    const parts = folder ? folder.split("/") : [];
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const name = parts.slice(0, depth).join("/");
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const indent = (name) => "\u2003".repeat(name.split("/").length - 1) + printable(name.slice(name.lastIndexOf("/") + 1));
  const names = [...counts.keys()]; // in the order of the items, and each before what is in it
  const top = items.filter((item) => item.folder === "").length;
  const choices = names.map((name) => [`=${name}`, `${indent(name)} (${numbered.format(counts.get(name))})`]);
  if (top && names.length) choices.unshift(["=", `At the top (${numbered.format(top)})`]);
  fill("folder", [["", "All"], ...choices]);
}

function fillStates() {
  const tally = (texts) => {
    const counts = new Map();
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const labeled = (kind, label) => ([text, n]) => [kind + text, `${label(text)} (${numbered.format(n)})`];
  const choices = [["", "Everything"]];
  const order = Object.keys(STATES);
  const states = tally(items.map((item) => item.status)).sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  if (states.length > 1) choices.push(...states.map(labeled("s", (status) => STATES[status])));
  const kinds = tally(items.map((item) => item.kind));
  if (kinds.length > 1) choices.push(...kinds.map(labeled("k", (kind) => (kind === "film" ? "Films" : "Photographs"))));
  const badges = Object.keys(BADGES).map((badge) => [badge, items.filter(BADGES[badge]).length]);
  choices.push(...badges.filter(([, n]) => n).map(labeled("b", (badge) => BADGE_NAMES[badge])));
  choices.push(...tally(items.map((item) => item.luma).filter((luma) => luma in LUMAS)).map(labeled("l", (luma) => LUMAS[luma])));
  const warned = items.filter((item) => item.warnings.length);
  if (warned.length) {
    const texts = tally(warned.flatMap((item) => [...new Set(item.warnings.map(kindOf))])).slice(0, MOST_TEXTS);
    const said = new Map(warned.flatMap((item) => item.warnings.map((text) => [kindOf(text), text])));
    const alike = new Set(warned.flatMap((item) => item.warnings.filter((text) => said.get(kindOf(text)) !== text).map(kindOf)));
    const named = (kind) => printable(alike.has(kind) ? kind : said.get(kind));
    choices.push(["Warnings", [["w", `Any warning (${numbered.format(warned.length)})`], ...texts.map(labeled("w", named))]]);
  }
  const reasons = tally(items.map((item) => item.reason).filter(Boolean)).slice(0, MOST_TEXTS);
  if (reasons.length) choices.push(["Reasons", reasons.map(labeled("r", printable))]);
  fill("state", choices);
}
