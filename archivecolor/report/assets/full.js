// The picture at its full size, once so much of it is asked for: the result itself where browsers can show it, else the
// tiles that lie beside the page.

const { tile: TILE_PX, picture: PICTURE_PX } = data.sides;

const full = {
  /** The address that takes the place of the page's picture; null before it is there. */
  address: null,
  failed: new Set(),
  timer: 0,

  /** Nothing of it yet: another picture is shown. */
  reset() {
    this.address = null;
    for (const id of ["after-tiles", "before-tiles"]) element(id).replaceChildren();
  },

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), 60);
  },

  /** Whether more pixels are wanted than the page's picture has. */
  get isWanted() {
    const { item } = viewer;
    if (!viewer.node.open || !item?.shown || item.kind === "film" || viewer.onSheet) return false;
    const pixels = zoom.current * devicePixelRatio;
    return pixels >= 0.999 || pixels * Math.max(...zoom.size) > PICTURE_PX * 1.1;
  },

  show() {
    if (!this.isWanted) return;
    if (viewer.item.tiled) this.showTiles();
    else this.showResult(viewer.item);
  },

  async showResult(item) {
    const address = resultOf(item);
    if (address === null || address === this.address || this.failed.has(address)) return;
    const picture = new Image();
    picture.src = address;
    try {
      await picture.decode();
    } catch {
      this.failed.add(address);
      const isSmaller = Math.max(...zoom.size) > PICTURE_PX; // else the page's picture has all of its pixels
      if (viewer.item === item && isSmaller) say("The result itself is not where it was; this is the page's smaller picture of it.", 6);
      return;
    }
    if (viewer.item !== item || viewer.frame !== null) return;
    this.address = address;
    element("after").src = element("before").src = address;
  },

  showTiles() {
    const [w, h] = zoom.size;
    let levels = 0;
    while (Math.max(w, h) >> levels > PICTURE_PX) levels += 1;
    if (!levels) return;
    const level = Math.min(levels - 1, Math.max(0, Math.floor(Math.log2(1 / (zoom.current * devicePixelRatio)) + 0.01)));
    const side = TILE_PX * 2 ** level;
    const { room, box } = zoom;
    const range = (from, all, length) => [Math.floor(Math.max(0, -from) / zoom.current / side),
      Math.ceil(Math.min(length, (all - from) / zoom.current) / side)];
    const [firstX, endX] = range(box.left, room.w, w);
    const [firstY, endY] = range(box.top, room.h, h);
    const folder = tilesOf(viewer.item, viewer.item.frames.length ? viewer.frame : null);
    for (const id of ["after-tiles", "before-tiles"]) {
      const wanted = new Map();
      for (let y = firstY; y < endY; y += 1) for (let x = firstX; x < endX; x += 1) wanted.set(`${folder}/${level}-${x}-${y}.jpg`, [x, y]);
      keepTiles(element(id), wanted, side, [w, h]);
    }
  },
};

/** Let a plane hold these tiles; those of other levels go once the new ones are there. */
function keepTiles(node, wanted, side, [w, h]) {
  for (const tile of [...node.children]) {
    if (wanted.delete(tile.dataset.of)) delete tile.dataset.old;
    else if (tile.complete && wanted.size === 0) tile.remove();
    else tile.dataset.old = "";
  }
  const drop = () => {
    if ([...node.children].every((tile) => tile.complete)) for (const tile of node.querySelectorAll("[data-old]")) tile.remove();
  };
  for (const [address, [x, y]] of wanted) {
    const tile = Object.assign(made("img"), { alt: "", draggable: false });
    tile.dataset.of = address;
    tile.onload = drop;
    tile.onerror = () => tile.remove();
    const share = (px, all) => `${(100 * px) / all}%`;
    tile.style.left = share(x * side, w);
    tile.style.top = share(y * side, h);
    tile.style.width = share(Math.min(side, w - x * side), w);
    tile.style.height = share(Math.min(side, h - y * side), h);
    tile.src = address;
    node.append(tile);
  }
}
