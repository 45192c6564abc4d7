// What the keys do. Where the focus is decides: in fields keys write, on the divider arrows move it.

const PAN_PX = 80;

const anywhere = {
  a: () => judge(ACCEPT),
  r: () => judge(REJECT),
  l: () => judge(LATER),
  y: () => judge(RECOLOR),
  u: undo,
  e: offerSteps,
  "?": () => element("help").showModal(),
};

const inGrid = {
  ArrowLeft: () => grid.go(grid.active - 1),
  ArrowRight: () => grid.go(grid.active + 1),
  ArrowUp: () => grid.move(-1),
  ArrowDown: () => grid.move(1),
  "Shift ArrowLeft": () => selection.extend(grid.active - 1),
  "Shift ArrowRight": () => selection.extend(grid.active + 1),
  "Shift ArrowUp": () => selection.extend(sections.beside(grid.active, -1)),
  "Shift ArrowDown": () => selection.extend(sections.beside(grid.active, 1)),
  PageUp: () => grid.move(-grid.pageRows),
  PageDown: () => grid.move(grid.pageRows),
  Home: () => grid.go(0),
  End: () => grid.go(filters.shown.length - 1),
  Enter: () => filters.shown.length && openAt(grid.active),
  x: () => selection.toggle(grid.active),
  Escape: () => selection.clear(),
  b: showAsScanned,
  "+": () => resizeBy(1),
  "-": () => resizeBy(-1),
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
  v: () => viewer.nextMode(),
  p: () => painting.start(),
  f: () => viewer.nextFrame(),
  n: () => element("note").focus(),
  "+": () => zoom.step(1),
  "=": () => zoom.step(1),
  "-": () => zoom.step(-1),
  0: () => zoom.fit(),
  1: () => zoom.whole(),
  " ": () => film.playOrPause(),
  "Shift ArrowLeft": () => viewer.moveTo(viewer.split - 5),
  "Shift ArrowRight": () => viewer.moveTo(viewer.split + 5),
};

const whileZoomed = {
  ArrowLeft: () => zoom.pan(PAN_PX, 0),
  ArrowRight: () => zoom.pan(-PAN_PX, 0),
  ArrowUp: () => zoom.pan(0, PAN_PX),
  ArrowDown: () => zoom.pan(0, -PAN_PX),
};

const whilePainting = {
  p: () => painting.leave(),
  z: () => painting.undo(),
  s: () => saveLayers(strokes.layers),
  d: () => painting.take("brush"),
  e: () => painting.take("eraser"),
  i: () => painting.take("picker"),
  v: () => painting.showPreview(!preview.wanted),
  "[": () => painting.thicken(-1),
  "]": () => painting.thicken(1),
};

const onDivider = {
  ArrowLeft: () => viewer.moveTo(viewer.split - 2),
  ArrowRight: () => viewer.moveTo(viewer.split + 2),
  PageDown: () => viewer.moveTo(viewer.split - 10),
  PageUp: () => viewer.moveTo(viewer.split + 10),
  Home: () => viewer.moveTo(0),
  End: () => viewer.moveTo(100),
};

function resizeBy(by) {
  const sizes = Object.keys(SIZES);
  const size = sizes[sizes.indexOf(grid.size) + by];
  if (size) grid.resize(size);
}

function actionOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : (event.shiftKey ? "Shift " : "") + event.key;
  if (element("help").open || element("next-box").open) return null;
  const writes = event.target.matches("input, select, textarea");
  if (key === "a" && (event.ctrlKey || event.metaKey) && !writes && !viewer.node.open) return () => selection.add(filters.shown);
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const { target } = event;
  if (target.matches("textarea, input[type=search]")) return null;
  if (painting.item && whilePainting[key]) return whilePainting[key];
  if (painting.item && anywhere[key]) return null; // nobody judges in passing
  if (writes) return null;
  if (target.id === "divider" && onDivider[key]) return onDivider[key];
  if (target.matches("button, a") && (key === "Enter" || key === " ")) return null;
  if (target.matches("video") && (key === " " || key.startsWith("Arrow"))) return null;
  if (!viewer.node.open) return inGrid[key] ?? anywhere[key] ?? null;
  return (zoom.isIn && whileZoomed[key]) || (inViewer[key] ?? anywhere[key] ?? null);
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "text") {
    grid.node.focus();
    return;
  }
  const action = actionOf(event);
  if (!action) return;
  if (event.key !== "Escape") event.preventDefault();
  action();
});
