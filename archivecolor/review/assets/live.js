// The page of a server: what is done on it acts at once. The other end of `backend`, and what is being made again.

const AGAIN_MS = 50;
const MOST_JOBS = 4;
/** This page among those that look at the same server. */
const PAGE = crypto.randomUUID();

/** Ask the server; throws an Error whose message is for the user. */
async function ask(method, path, body, type = "application/json") {
  const options = { method, cache: "no-store" };
  if (method !== "GET") Object.assign(options, { headers: { "Content-Type": type }, body });
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer: has `archivecolor review` ended? Nothing that it had confirmed is lost.");
  }
  const told = response.headers.get("Content-Type")?.startsWith("application/json") ? await response.json() : {};
  if (response.ok) return told;
  throw new Error(printable(told.error ? `${told.error}${told.hint ? ` (${told.hint})` : ""}` : `The server refused (${response.status}).`));
}

/** Ask, and tell the user what was wrong; whether nothing was. */
async function asked(...request) {
  try {
    await ask(...request);
    return true;
  } catch (e) {
    say(e.message, 10);
    return false;
  }
}

const put = (path, value) => asked("POST", path, JSON.stringify(value));

const live = {
  jobs: [],
  total: 0,
  heard: [],
  painters: [],
  /** Layers that were painted on since they were saved last, with the promise that keeps their strokes; what saves them. */
  painted: new Map(),
  timer: 0,

  listen() {
    const events = new EventSource("api/events");
    events.addEventListener("message", ({ data: told }) => this.hear(JSON.parse(told)));
    let wasLost = false;
    events.addEventListener("error", () => {
      if (!wasLost) say("The server does not answer. If `archivecolor review` has ended, start it again and open the address that it prints.", 10);
      wasLost = true;
    });
    events.addEventListener("open", () => {
      if (wasLost) location.reload(); // what was told meanwhile was not heard
    });
  },

  hear(told) {
    if (told.type === "anew") location.reload();
    if (told.type === "marks" && told.page !== PAGE) for (const heard of this.heard) heard(told.ids.length === 1 ? told.ids[0] : null);
    if (told.type === "item") {
      const item = replaceItem(told.id, told.row, told.texts);
      if (item) marks.tell(item);
      if (told.wrong) say(`${item?.name ?? ""}: ${printable(told.wrong)}`, 10);
      else if (item && item === painting.item && this.isUpToDate(item)) preview.made();
    }
    if (told.type === "strokes" && told.page !== PAGE) for (const heard of this.painters) heard(told.layer, told.painted);
    if (told.jobs) {
      this.jobs = told.jobs;
      this.total = told.total;
      this.showJobs();
    }
  },

  /** Whether nothing was painted on an item since its result was begun. */
  isUpToDate(item) {
    return this.painted.size === 0 && !this.jobs.some(({ name, state }) => name === item.source && state !== "working");
  },

  showJobs() {
    const box = document.getElementById("jobs") ?? this.box();
    const home = document.querySelector("dialog[open]") ?? document.body;
    if (box.parentNode !== home) home.append(box);
    box.hidden = this.jobs.length === 0;
    const rows = this.jobs.slice(0, MOST_JOBS).map((job) => {
      const row = made("div", "job");
      row.append(made("span", "job-name", printable(job.name)));
      const bar = made("progress");
      if (job.state === "working" && job.kind === "film") bar.value = job.share;
      const said = { waiting: "waits", busy: "waits for another run", working: "" }[job.state];
      row.append(job.state === "working" ? bar : made("span", "quiet", said));
      const button = made("button", "button", "Stop");
      button.type = "button";
      button.setAttribute("aria-label", `Stop making ${printable(job.name)} again`);
      button.addEventListener("click", () => put("api/drop", [job.name]));
      row.append(button);
      return row;
    });
    const more = this.total - rows.length;
    if (more > 0) rows.push(made("div", "quiet", `and ${numbered.format(more)} more`));
    box.replaceChildren(made("div", "", "Making again"), ...rows);
  },

  box() {
    const box = made("section", "jobs");
    box.id = "jobs";
    box.setAttribute("aria-label", "What is being made again");
    const style = made("link");
    Object.assign(style, { rel: "stylesheet", href: "live.css" });
    document.head.append(style);
    return box;
  },

  /** Soon after the last stroke: save what was painted, and make it again; of a film only save it, for that takes long. */
  soon(layer, keeping) {
    this.painted.set(layer, keeping);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), AGAIN_MS);
  },

  async send() {
    const painted = [...this.painted];
    this.painted.clear();
    const sources = new Map(items.map((item) => [item.source, item]));
    const again = new Set();
    for (const [layer, keeping] of painted) {
      if (!(await keeping)) continue;
      const item = sources.get(layer.replace(/\.png$/, "")) ?? sources.get(layer.slice(0, layer.lastIndexOf("/")));
      const png = strokes.byLayer[layer] ? await pngOf(layer) : null;
      if (png && !(await this.save(layer, png))) continue;
      if (item && item.kind !== "film") again.add(item);
    }
    if (again.size) await put("api/again", [...again].map((item) => item.id));
  },

  save: (layer, png) => asked("PUT", `api/layers/${addressOf(layer)}`, png, "image/png"),
};

Object.assign(backend, {
  live: true,

  readMarks: () => ask("GET", "api/marks"),
  async writeMarks(changed) {
    return (await put(`api/marks?page=${PAGE}`, changed)) || null;
  },

  watchMarks(heard) {
    live.heard.push(heard);
  },

  readStrokes: () => ask("GET", "api/strokes"),

  async writeStrokes(layer, painted) {
    const keeping = put(`api/strokes?page=${PAGE}`, { layer, painted });
    live.soon(layer, keeping);
    await keeping;
    return true;
  },

  watchStrokes(heard) {
    live.painters.push(heard);
  },

  async saveHints(layers) {
    for (const { name, png } of layers) if (!(await live.save(name, png))) return null;
    return `${count(layers.length, "layer")} saved`;
  },

  async makeAgain(chosen) {
    await live.send();
    await ask("POST", "api/again", JSON.stringify(chosen.map((item) => item.id)));
  },

  async reviewer(name) {
    if (name === undefined) return ask("GET", "api/reviewer");
    await put("api/reviewer", name);
    return name;
  },
});

live.listen();
