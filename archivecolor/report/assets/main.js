// Putting it together: judging, addresses, the head of the page.

/** What is meant when a mark is given: the picture that is looked at, or those that are selected, or the active one. */
function meant() {
  if (viewer.node.open) return [viewer.item];
  return selection.size ? selection.items : filters.shown.slice(grid.active, grid.active + 1);
}

/** Mark what is meant, and go on; the same mark again, or null, takes it back. */
async function judge(mark) {
  const chosen = meant();
  const open = viewer.node.open;
  if (!chosen.length) return;
  const [first] = chosen;
  const fitting = mark === null ? chosen : chosen.filter((item) => marks.fits(item, mark));
  if (!fitting.length) {
    say(mark === RECOLOR ? "Only what was left alone can be colored anyway." : "There is no result here to judge.");
    return;
  }
  const back = mark === null || fitting.every((item) => marks.of(item) === mark);
  const set = await marks.set(fitting, back ? null : mark);
  if (!set) return;
  const what = chosen.length > 1 ? count(set.length, "picture") : first.name;
  say(back ? `${what}: mark removed` : `${what}: ${MARKS[mark].toLowerCase()}`);
  if (back || chosen.length > 1) return;
  if (!open) grid.go(grid.active + 1);
  else if (viewer.at + 1 < filters.shown.length) viewer.turn(1);
}

async function undo() {
  const undone = await marks.undo();
  if (undone === null) return;
  if (!undone.length) {
    say("There is nothing to undo.");
    return;
  }
  const [first] = undone;
  say(undone.length > 1 ? `${count(undone.length, "mark")} undone` : `${first.name}: undone`);
  const at = filters.shown.indexOf(first);
  if (at < 0 || undone.length > 1) return;
  if (viewer.node.open) viewer.show(at);
  else grid.go(at);
}

function showAsScanned() {
  const pressed = element("gray").getAttribute("aria-pressed") !== "true";
  element("gray").setAttribute("aria-pressed", String(pressed));
  grid.node.classList.toggle("as-scanned", pressed);
}

/** The page's address: the item that is looked at, and every filter that leaves something out. */
function keepAddress() {
  const said = new URLSearchParams(filters.state.map(([name, value]) => [name, escaped(value)]));
  if (viewer.node.open) said.set("item", escaped(viewer.item.source)); // its id is another one once it is made again
  const hash = said.toString();
  history.replaceState(history.state, "", hash ? `#${hash}` : location.pathname + location.search);
}

let isGoingBack = false;

/** Leave the address of a picture, which was closed: what the filters say by now is what counts. */
function goBack() {
  isGoingBack = true;
  history.back();
}

/** Show what the address asks for. */
function followAddress() {
  if (isGoingBack) {
    isGoingBack = false;
    keepAddress();
    return;
  }
  const said = new URLSearchParams(location.hash.slice(1));
  const source = said.has("item") ? unescaped(said.get("item")) : null;
  said.delete("item");
  const fields = [...said].map(([name, value]) => [name, unescaped(value)]);
  const wanted = JSON.stringify(fields);
  if (wanted !== JSON.stringify(filters.state) || !filters.isSet) filters.set(fields);
  filters.isSet = true;
  const item = items.find((each) => each.source === source);
  if (!item) {
    if (viewer.node.open) viewer.node.close();
    return;
  }
  if (!filters.shown.includes(item)) filters.clear();
  viewer.show(filters.shown.indexOf(item));
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
  element("summary").textContent = parts.join(" · ");
  const day = dayOf(data.began || data.made);
  const said = [`${data.began ? "Colored" : "Page made"} ${day} with archivecolor ${data.version}`];
  const where = [data.source, data.out].filter(Boolean).map(printable).join(" → ");
  element("origin").textContent = [...said, ...(where ? [where] : [])].join(" · ");
}

function showReview() {
  const counts = marks.counts();
  const all = items.filter((item) => item.isJudged).length;
  const judged = counts[ACCEPT] + counts[REJECT];
  element("reviewed").max = all || 1;
  element("reviewed").value = judged;
  const parts = [ACCEPT, REJECT, LATER].filter((mark) => counts[mark] || (judged && mark !== LATER));
  element("reviewed-label").textContent =
    `${numbered.format(judged)} of ${numbered.format(all)} reviewed` +
    (parts.length ? `: ${parts.map((mark) => `${numbered.format(counts[mark])} ${MARKS[mark].toLowerCase()}`).join(", ")}` : "");
}

function showShown() {
  const { length } = filters.shown;
  element("shown").textContent =
    length === items.length ? count(length, "picture") : `${numbered.format(length)} of ${count(items.length, "picture")}`;
  element("nothing").hidden = length > 0;
}

filters.changed.push(showShown, showReview, keepAddress);
marks.changed.push(showReview);
element("gray").addEventListener("click", showAsScanned);
element("keys").addEventListener("click", () => element("help").showModal());
element("more").addEventListener("click", () => {
  const open = element("filters").classList.toggle("unfolded");
  element("more").setAttribute("aria-expanded", String(open));
});
// Both ways of going through the history come here; one of them comes with every change of the address
addEventListener("popstate", followAddress);

await Promise.all([marks.setUp(), strokes.setUp()]);
showHead();
filters.setUp();
grid.setUp();
selection.setUp();
viewer.setUp();
zoom.setUp();
gestures.setUp();
film.setUp();
painting.setUp();
setUpSteps();
backend.watchItems(replaceItem);
followAddress();
grid.node.setAttribute("aria-busy", "false");
