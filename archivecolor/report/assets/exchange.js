// Marks and lists as files: what two reviewers send each other, and what `archivecolor` reads.

const MARKS_FORMAT = "archivecolor-marks";
const COLUMNS = ["path", "mark", "note", "at", "by"];

/** Whether a line of a list can hold a name: lists are split at newlines, whatever system they come from. */
const fitsALine = (name) => !name.includes("\n") && !name.endsWith("\r") && name.trim() !== "";

/** Hand a list of sources out: what `archivecolor folder --only-from` reads, to the byte. */
function exportList(chosen, name) {
  const held = chosen.filter((item) => fitsALine(item.source));
  const newline = Uint8Array.of(10);
  handOut(new Blob([joined(held.flatMap((item) => [bytesOf(item.source), newline]))], { type: "text/plain" }), name);
  const left = chosen.length - held.length;
  if (left) say(`${name}: ${count(left, "name")} left out, a line cannot hold a name with line breaks`, 8);
  else say(`${count(held.length, "path")} in ${name}`);
}

/** Every mark and note, in the order of the page. */
function marksAsRows() {
  return items
    .filter((item) => marks.byId[item.id])
    .map((item) => {
      const [mark, at, by, note] = marks.byId[item.id];
      return { path: item.place, mark, note, at, by };
    });
}

function exportMarks(kind) {
  const rows = marksAsRows();
  const name = `${fileName()}-marks.${kind}`;
  const file =
    kind === "json"
      ? [JSON.stringify({ format: MARKS_FORMAT, version: 1, out: data.out, marks: rows }, null, 1), "\n"]
      : [bytesOf([COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))].map(csvLine).join(""))];
  handOut(new Blob(file, { type: kind === "json" ? "application/json" : "text/csv" }), name);
  say(`${count(rows.length, "mark")} in ${name}`);
}

const csvLine = (cells) =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;

/** The cells of each line of a CSV file (RFC 4180). */
function csvRows(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some(Boolean));
}

/** The marks of a file of either kind; throws an Error whose message is for the user. */
function marksOf(bytes) {
  const text = textOf(bytes).replace(/^\ufeff/, "");
  let rows;
  if (text.trimStart().startsWith("{")) {
    let file = null;
    try {
      file = JSON.parse(text);
    } catch {
      throw new Error("is damaged: it is no whole JSON");
    }
    if (file.format !== MARKS_FORMAT || !Array.isArray(file.marks)) throw new Error("holds no marks of archivecolor");
    if (file.version > 1) throw new Error("was written by a later archivecolor");
    rows = file.marks;
  } else {
    const [head = [], ...lines] = csvRows(text);
    if (!head.includes("path") || !head.includes("mark")) throw new Error("has no columns 'path' and 'mark'");
    rows = lines.map((cells) => Object.fromEntries(head.map((column, i) => [column, cells[i] ?? ""])));
  }
  const isRow = (row) =>
    row && COLUMNS.every((column) => ["string", "undefined"].includes(typeof row[column])) && row.path !== undefined;
  const good = rows.filter((row) => isRow(row) && (row.mark === "" || row.mark in MARKS) && Date.parse(row.at));
  if (good.length < rows.length) say(`${count(rows.length - good.length, "line")} of it hold no mark`, 6);
  return good.map((row) => ({ ...row, at: new Date(row.at).toISOString() }));
}

/** Take in the marks of files that the user chose. */
async function importMarks(files) {
  for (const file of files) {
    try {
      const { taken, known, stale, strangers } = await marks.take(marksOf(new Uint8Array(await file.arrayBuffer())));
      const told = [`${count(taken, "mark")} taken from ${printable(file.name)}`];
      if (known) told.push(`${numbered.format(known)} known or older than yours`);
      if (stale) told.push(`${numbered.format(stale)} of earlier results left out`);
      if (strangers) told.push(`${numbered.format(strangers)} of what is not on this page`);
      say(told.join(", "), 8);
    } catch (e) {
      say(`${printable(file.name)} ${e.message}`, 8);
    }
  }
}
