// Putting it together: judging, keys, addresses, the head of the page.

/** Mark the picture that is looked at, or the active one of the grid, and go on; the same mark again takes it back. */
function judge(mark) {
  const open = viewer.node.open;
  const item = open ? viewer.item : filters.shown[grid.active];
  if (!item) return;
  const back = marks.of(item) === mark;
  marks.set(item, back ? null : mark);
  say(back ? `${item.name}: mark removed` : `${item.name}: ${mark === ACCEPT ? "accepted" : "rejected"}`);
  if (back) return;
  if (!open) grid.go(grid.active + 1);
  else if (viewer.at + 1 < filters.shown.length) viewer.turn(1);
}

function undo() {
  const item = marks.undo();
  if (!item) return;
  say(`${item.name}: mark removed`);
  const at = filters.shown.indexOf(item);
  if (at < 0) return;
  if (viewer.node.open) viewer.show(at);
  else grid.go(at);
}

function showAsScanned() {
  const pressed = element("gray").getAttribute("aria-pressed") !== "true";
  element("gray").setAttribute("aria-pressed", String(pressed));
  grid.node.classList.toggle("as-scanned", pressed);
}

const anywhere = {
  a: () => judge(ACCEPT),
  r: () => judge(REJECT),
  u: undo,
  "?": () => element("help").showModal(),
};

const inGrid = {
  ArrowLeft: () => grid.go(grid.active - 1),
  ArrowRight: () => grid.go(grid.active + 1),
  ArrowUp: () => grid.active >= grid.columns && grid.go(grid.active - grid.columns),
  ArrowDown: () => grid.go(grid.active + grid.columns),
  PageUp: () => grid.go(grid.active - grid.columns * grid.pageRows),
  PageDown: () => grid.go(grid.active + grid.columns * grid.pageRows),
  Home: () => grid.go(0),
  End: () => grid.go(filters.shown.length - 1),
  Enter: () => filters.shown.length && openAt(grid.active),
  b: showAsScanned,
  "/": () => element("text").focus(),
};

const inViewer = {
  ArrowLeft: () => viewer.turn(-1),
  ArrowRight: () => viewer.turn(1),
  k: () => viewer.turn(-1),
  j: () => viewer.turn(1),
  Home: () => viewer.show(0),
  End: () => viewer.show(filters.shown.length - 1),
  b: () => viewer.flip(),
  c: () => viewer.doubt(),
  p: () => painting.start(),
  f: () => viewer.nextFrame(),
  " ": () => film.playOrPause(),
  "Shift ArrowLeft": () => viewer.moveTo(viewer.split - 5),
  "Shift ArrowRight": () => viewer.moveTo(viewer.split + 5),
};

const whilePainting = {
  p: () => painting.leave(),
  z: () => painting.undo(),
  s: () => painting.save(),
};

const onDivider = {
  ArrowLeft: () => viewer.moveTo(viewer.split - 2),
  ArrowRight: () => viewer.moveTo(viewer.split + 2),
  PageDown: () => viewer.moveTo(viewer.split - 10),
  PageUp: () => viewer.moveTo(viewer.split + 10),
  Home: () => viewer.moveTo(0),
  End: () => viewer.moveTo(100),
};

/** Where the focus is decides what a key does: in fields keys write, on the divider arrows move it. */
function actionOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || element("help").open || element("lists").open) return null;
  const target = event.target;
  const key = event.key.length === 1 ? event.key.toLowerCase() : (event.shiftKey ? "Shift " : "") + event.key;
  if (painting.item && whilePainting[key]) return whilePainting[key];
  if (target.matches("input, select, textarea")) return null;
  if (target.id === "divider" && onDivider[key]) return onDivider[key];
  if (target.matches("button, a") && (key === "Enter" || key === " ")) return null;
  if (target.matches("video") && (key === " " || key.startsWith("Arrow"))) return null;
  return (viewer.node.open ? inViewer : inGrid)[key] ?? anywhere[key] ?? null;
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "text") grid.node.focus();
  const action = actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
});

/** Show what the address asks for: `#id` is an item, nothing is the grid. */
function followAddress() {
  const id = location.hash.slice(1);
  if (!id) {
    if (viewer.node.open) viewer.node.close();
    return;
  }
  const wanted = items.find((item) => item.id === id);
  if (!wanted) return;
  if (!filters.shown.includes(wanted)) filters.clear();
  viewer.show(filters.shown.indexOf(wanted));
}

function showHead() {
  element("title").textContent = printable(data.title);
  const of = (status) => items.filter((item) => item.status === status).length;
  const warned = items.filter((item) => item.warnings.length).length;
  const parts = [`${numbered.format(of("colored"))} colored`];
  if (warned) parts.push(`${numbered.format(warned)} with warnings`);
  for (const luma of Object.keys(LUMAS)) {
    const such = items.filter((item) => item.luma === luma).length;
    if (such) parts.push(`${numbered.format(such)} ${luma}`);
  }
  if (of("skipped")) parts.push(`${numbered.format(of("skipped"))} left as they were`);
  if (of("failed")) parts.push(`${numbered.format(of("failed"))} failed`);
  if (of("missing")) parts.push(`${numbered.format(of("missing"))} without a result`);
  const day = new Date(data.made).toLocaleDateString("en-US", { day: "numeric", month: "long", year: "numeric" });
  element("summary").textContent = `${parts.join(" · ")} — archivecolor ${data.version}, ${day}`;
}

function showReview() {
  const counts = marks.counts();
  const judged = counts[ACCEPT] + counts[REJECT];
  element("reviewed").max = items.length || 1;
  element("reviewed").value = judged;
  element("reviewed-label").textContent =
    `${numbered.format(judged)} of ${numbered.format(items.length)} reviewed` +
    (judged ? `: ${numbered.format(counts[ACCEPT])} accepted, ${numbered.format(counts[REJECT])} rejected` : "");
}

/** Say how long each list would be, and offer only those that are not empty. */
function offerLists() {
  const counts = marks.counts();
  const choices = [
    [REJECT, "Rejected", counts[REJECT]],
    [ACCEPT, "Accepted", counts[ACCEPT]],
    ["shown", "All shown", filters.shown.length],
  ];
  for (const [id, label, length] of choices) {
    const button = element(`export-${id}`);
    button.textContent = `${label} (${numbered.format(length)})`;
    button.disabled = length === 0;
  }
  element("lists").returnValue = "";
  element("lists").showModal();
}

function exportChosen() {
  const choice = element("lists").returnValue;
  if (choice === "shown") exportList(filters.shown, "shown.txt");
  else if (choice) exportList(items.filter((item) => marks.of(item) === choice), `${choice}ed.txt`);
}

filters.changed.push(() => {
  element("shown").textContent =
    filters.shown.length === items.length
      ? count(items.length, "picture")
      : `${numbered.format(filters.shown.length)} of ${count(items.length, "picture")}`;
  element("nothing").hidden = filters.shown.length > 0;
  showReview();
});
marks.changed.push(showReview);
element("gray").addEventListener("click", showAsScanned);
element("keys").addEventListener("click", () => element("help").showModal());
element("export").addEventListener("click", offerLists);
element("lists").addEventListener("close", exportChosen);
element("more").addEventListener("click", () => {
  const open = element("filters").classList.toggle("unfolded");
  element("more").setAttribute("aria-expanded", String(open));
});
addEventListener("hashchange", followAddress);
addEventListener("popstate", followAddress);

showHead();
filters.setUp();
grid.setUp();
viewer.setUp();
painting.setUp();
followAddress();
