// The next step: what the marks and strokes are for, as files to save and the very commands that take them.

const COPIED_S = 2;

/** A step is offered where there is something for it: how many, what is said of it, its file and its command. */
function nextSteps() {
  const counts = marks.counts();
  const failed = items.filter((item) => item.status === "failed" || item.status === "missing");
  const list = (chosen, name) => ({ label: `Save ${name}`, action: () => exportList(chosen(), name) });
  const { out, source } = data.quoted;
  const again = `archivecolor folder ${source} ${out}${data.words ? ` ${data.words}` : ""}`;
  const hints = strokes.layers;
  return [
    {
      id: "marks",
      n: Object.keys(marks.byId).length,
      title: "Marks",
      text: "For another reviewer, or to keep with the results. The newer mark of two counts.",
      files: [
        { label: "Save as JSON", action: () => exportMarks("json") },
        { label: "Save as CSV", action: () => exportMarks("csv") },
        { label: "Load…", action: () => element("marks-file").click(), always: true },
      ],
      command: `archivecolor report ${out} --marks ${fileName()}-marks.json`,
      always: true,
    },
    {
      id: REJECT,
      n: counts[REJECT],
      title: "Rejected: make them again",
      text: "Change an option first, or they come out as they are: here more time is spent on each.",
      files: [list(() => marks.with(REJECT), "rejected.txt")],
      command: `${again} --only-from rejected.txt${data.words.includes("--thorough") ? " --saturation 0.8" : " --thorough"}`,
    },
    {
      id: "hints",
      n: hints.length,
      title: "Painted: color them with your hints",
      text: "All layers that were painted in this browser, with the paths that the command expects.",
      files: [{ label: `Save ${HINTS_ZIP}`, action: () => saveLayers(hints) }],
      command: `${again} --hints ${HINTS_ZIP}`,
    },
    {
      id: RECOLOR,
      n: counts[RECOLOR],
      title: "Left alone: color them anyway",
      text: "They were in color already; their own colors are replaced in the results, never in the sources.",
      files: [list(() => marks.with(RECOLOR), "recolor.txt")],
      command: `${withoutOption(again, "--already-color")} --only-from recolor.txt --already-color recolor`,
    },
    {
      id: ACCEPT,
      n: counts[ACCEPT],
      title: "Accepted: copy them out",
      text: "The results that were accepted, with their folders.",
      files: [{ label: "Save as JSON", action: () => exportMarks("json") }, list(() => marks.with(ACCEPT), "accepted.txt")],
      command: `archivecolor accepted ${out} accepted --marks ${fileName()}-marks.json`,
    },
    {
      id: LATER,
      n: counts[LATER],
      title: "Later",
      text: "What you put off, as a list.",
      files: [list(() => marks.with(LATER), "later.txt")],
    },
    {
      id: "failed",
      n: failed.length,
      title: "Failed or missing: try again",
      text: "Once they are mended, the same command makes what is missing, and nothing else.",
      files: [list(() => failed, "failed.txt")],
      command: again,
    },
    {
      id: "shown",
      n: filters.shown.length,
      title: "What is shown now",
      text: "Everything that the filters leave, as a list.",
      files: [list(() => filters.shown, "shown.txt")],
      command: `${again} --only-from shown.txt --strength 0.7`,
    },
  ].filter(({ n, always }) => n || always);
}

const fileName = () => data.title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+/, "") || "archive";

/** A command without an option and its value. */
const withoutOption = (command, option) => command.replace(new RegExp(` ${option} \\S+`), "");

function offerSteps() {
  element("steps").replaceChildren(...nextSteps().map(stepNode));
  element("reviewer").value = marks.by;
  element("next-box").showModal();
  element("next-box").scrollTop = 0;
}

function stepNode({ id, n, title, text, files, command }) {
  const node = made("section", "step");
  node.dataset.step = id;
  const head = made("h3", "", title);
  if (n) head.append(made("span", "step-count", numbered.format(n)));
  node.append(head, made("p", "quiet", text));
  const row = made("div", "step-files");
  row.append(
    ...files.map(({ label, action, always }) => {
      const button = made("button", "button", label);
      button.type = "button";
      button.disabled = !n && !always;
      button.addEventListener("click", action);
      return button;
    }),
  );
  node.append(row);
  if (command && n) node.append(commandNode(command));
  return node;
}

/** A command to read and to copy. */
function commandNode(command) {
  const node = made("div", "command");
  const copy = made("button", "button", "Copy");
  copy.type = "button";
  copy.setAttribute("aria-label", "Copy the command");
  copy.addEventListener("click", async () => {
    await copied(command);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), COPIED_S * 1000);
  });
  const code = made("code");
  // Words stay whole, for a line that ends in a hyphen reads as another option
  for (const word of printable(command).split(/(?<= )/)) code.append(made("span", "", word));
  node.append(code, copy);
  return node;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = Object.assign(made("textarea", "aside"), { value: text });
    element("next-box").append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

/** Have items made again, where that can be had at once. */
async function makeAgain(chosen) {
  try {
    await backend.makeAgain(chosen);
  } catch (e) {
    say(e.message, 8);
  }
}

function setUpSteps() {
  element("next-step").addEventListener("click", offerSteps);
  element("reviewer").addEventListener("change", async ({ target }) => {
    marks.by = target.value.trim();
    await backend.reviewer(marks.by);
  });
  element("marks-file").addEventListener("change", async ({ target }) => {
    await importMarks([...target.files]);
    target.value = "";
    if (element("next-box").open) element("steps").replaceChildren(...nextSteps().map(stepNode));
  });
}
