// The panel beside a picture: what is known of it, and what reviewers said.

function showFacts(item) {
  element("position").textContent = `${numbered.format(viewer.at + 1)} of ${numbered.format(filters.shown.length)}`;
  element("name").textContent = item.name;
  element("where").textContent = printable(item.folder);
  element("views").hidden = !item.shown;
  element("modes").hidden = item.status !== "colored";
  element("flip").hidden = item.status !== "colored";
  if (!item.shown) element("doubt-legend").hidden = true;
  element("warnings").replaceChildren(...item.warnings.map((warning) => made("li", "", printable(warning))));
  element("facts").replaceChildren(
    ...factsOf(item).flatMap(([term, value]) => [made("dt", "", term), made("dd", "", printable(value))]),
  );
  const link = element("link");
  link.replaceChildren();
  const address = resultOf(item);
  if (address !== null && item.status !== "failed") {
    const anchor = made("a", "", item.result === null ? "Open the source" : "Open the result");
    anchor.href = address;
    anchor.target = "_blank";
    anchor.rel = "noopener";
    link.append(anchor);
  }
}

function factsOf(item) {
  const facts = [["State", STATES[item.status]]];
  if (item.shown && item.reason) facts.push(["Why", item.reason]);
  if (item.luma in LUMAS) facts.push(["Luma", item.luma]);
  if (item.confidence !== null) facts.push(["Confidence", percent(item.confidence)]);
  if (item.size) facts.push([item.kind === "film" ? "Frame" : "Pixels", item.size.replace("x", " × ")]);
  if (item.pages > 1) {
    const seen = item.frames.length || 1;
    facts.push(["Pages", seen < item.pages ? `${item.pages}, ${seen} can be seen here` : `${item.pages}`]);
  }
  if (item.duration) facts.push(["Duration", item.duration]);
  if (item.plays === "copy") facts.push(["Plays here", "a small copy"]);
  if (item.bytes !== null) facts.push(["File", `${numbered.format(Math.max(1, Math.round(item.bytes / 1000)))} kB`]);
  const isMade = item.shown && item.status === "colored";
  if (item.made && isMade) facts.push(["Made", dayOf(item.made * 1000)]);
  if (item.seconds !== null && isMade) facts.push(["Made in", `${item.seconds.toFixed(1)} s`]);
  const besides = Object.keys(BADGES).filter((badge) => badge !== "paged" && BADGES[badge](item));
  if (besides.length) facts.push(["Besides", besides.map((badge) => BADGE_NAMES[badge].toLowerCase()).join(", ")]);
  if (item.engine && isMade) facts.push(["Engine", item.engine]);
  return facts;
}

/** What was said of an item: of what failed nothing can be said, what was left alone can only be colored anyway. */
function showMarks(item) {
  const mark = marks.of(item);
  for (const [id, each] of [["accept", ACCEPT], ["reject", REJECT], ["later", LATER], ["recolor", RECOLOR]]) {
    element(id).hidden = !marks.fits(item, each);
    element(id).setAttribute("aria-pressed", String(mark === each));
  }
  element("judge").hidden = !item.isJudged && !item.isLeftAlone;
  element("note-field").hidden = element("judge").hidden;
  const note = element("note");
  if (document.activeElement !== note) note.value = marks.noteOf(item);
  const [, at, by] = marks.byId[item.id] ?? [];
  element("marked-by").textContent = at ? [MARKS[mark] ?? "Note", by && `by ${printable(by)}`, dayOf(at)].filter(Boolean).join(", ") : "";
}
