// Strokes spread over what they lie on: archivecolor/chroma/control/paint.py once more, with its numbers and its steps, which
// are explained there, and `level` of chroma/network_input.py. tests/report/test_spread.py holds the two together.
//
// It works in slices: `spreading` is a generator that yields between them, so that the page stays alive.

const EDGE = 0.035;
const TEXTURE = 2;
const TEXTURE_PX = 15;
const REACH = 1.5;
const CROSSING = 1.2;
const FIRM = 0.5;
const ROUNDS = 40;
const HELD = 20;
const LEAST = 1e-4;
const STILL = 1e-3;
const ITERATIONS = 40;
const FINE_PX = 256;
const COARSEST_PX = 16;

/** Luma with its contrast leveled, as the generator sees it. */
function leveled(luma) {
  let [black, white] = percentiles(luma.v, [0.005, 0.995]);
  const contrast = white - black;
  const clean = Math.min(1, Math.max(0, (contrast - 0.5) / 0.25));
  const [low, high] = [Math.min(black, 0.06 * clean), Math.max(white, 1 - 0.12 * clean)];
  if (contrast < 0.2) {
    const more = (0.2 - contrast) / (1 - contrast);
    [black, white] = [black - more * black, white + more * (1 - white)];
  }
  const scale = (high - low) / (white - black);
  return plane(luma.w, luma.h, luma.v.map((y) => Math.min(1, Math.max(0, (y - black) * scale + low))));
}

/** What is worked out of a plane once, however many strokes are spread over it. */
const remembered = (work, found = new WeakMap()) => (one) => {
  if (!found.has(one)) found.set(one, work(one));
  return found.get(one);
};

/** Steps of luma to the lower and to the right neighbor: 0 is none, 1 an edge. */
const stepsOf = remembered((luma) => {
  const smooth = bilateral(luma);
  const { w, h } = smooth;
  const inEdges = (step) => {
    const texture = blurred(step, TEXTURE_PX);
    return plane(step.w, step.h, step.v.map((s, i) => s / Math.max(EDGE, TEXTURE * texture.v[i])));
  };
  const down = plane(w, h - 1);
  for (let i = 0; i < down.v.length; i += 1) down.v[i] = Math.abs(smooth.v[i + w] - smooth.v[i]);
  const right = plane(w - 1, h);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w - 1; x += 1) right.v[y * (w - 1) + x] = Math.abs(smooth.v[y * w + x + 1] - smooth.v[y * w + x]);
  }
  return { down: inEdges(down), right: inEdges(right) };
});

/** Geodesic distance of each pixel to where `on` is; along a line the shortest paths are running minima. */
function* distanceOf(on, { down, right }, reach) {
  const { w, h } = { w: right.w + 1, h: right.h };
  let distance = Float64Array.from(on, (is) => (is ? 0 : 1e3));
  const way = new Float64Array(Math.max(w, h));
  const line = (steps, base, stride, stepBase, stepStride, n, out) => {
    for (let i = 1; i < n; i += 1) way[i] = way[i - 1] + 1 / reach + CROSSING * steps[stepBase + (i - 1) * stepStride] ** 2;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < n; i += 1) {
      least = Math.min(least, out[base + i * stride] - way[i]);
      scratch[i] = way[i] + least;
    }
    least = Number.POSITIVE_INFINITY;
    for (let i = n - 1; i >= 0; i -= 1) {
      least = Math.min(least, out[base + i * stride] + way[i]);
      out[base + i * stride] = Math.min(scratch[i], least - way[i]);
    }
  };
  const scratch = new Float64Array(Math.max(w, h));
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = distance;
    distance = distance.slice();
    for (let x = 0; x < w; x += 1) line(down.v, x, w, x, w, h, distance);
    for (let y = 0; y < h; y += 1) line(right.v, y * w, 1, y * (w - 1), 1, w, distance);
    let most = 0;
    for (let i = 0; i < distance.length; i += 1) {
      most = Math.max(most, Math.abs(Math.min(before[i], 1) - Math.min(distance[i], 1)));
    }
    yield;
    if (most < STILL) break;
  }
  return plane(w, h, Float32Array.from(distance));
}

const halved = remembered((one) => resized(one, one.w >> 1, one.h >> 1, areaTaps));

/** Chroma that is the paint's where `hold` is, and alike among neighbors of alike luma: conjugate gradients. */
function* solved(luma, targets, hold) {
  const { w, h } = luma;
  let found;
  if (Math.min(h, w) >= 2 * COARSEST_PX) {
    const coarse = yield* solved(halved(luma), targets.map(halved), halved(hold));
    found = coarse.map((one) => grownTo(one, w, h).v);
  } else {
    const weight = hold.v.reduce((sum, x) => sum + x, 0);
    found = targets.map(({ v }) => new Float32Array(v.length).fill(v.reduce((sum, x) => sum + x, 0) / weight));
  }
  const steps = stepsOf(luma);
  yield;
  const alike = ({ v }) => v.map((s) => Math.exp(-s * s) + LEAST);
  const [down, right] = [alike(steps.down), alike(steps.right)];
  const diagonal = hold.v.slice();
  for (let i = 0; i < down.length; i += 1) {
    diagonal[i] += down[i];
    diagonal[i + w] += down[i];
  }
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w - 1; x += 1) {
      diagonal[y * w + x] += right[y * (w - 1) + x];
      diagonal[y * w + x + 1] += right[y * (w - 1) + x];
    }
  }
  const system = { w, h, down, right, hold: hold.v };
  const states = targets.map(({ v }, i) => begun(system, diagonal, v, found[i]));
  const rounds = Math.floor((ITERATIONS * FINE_PX) / Math.min(h, w));
  for (let k = 0; k < rounds && Math.max(...states.map(({ size }) => size)) >= STILL ** 2; k += 1) {
    for (const state of states) advance(system, diagonal, state);
    if (w * h > 1e4 || k % 16 === 15) yield;
  }
  return states.map(({ u }) => plane(w, h, u));
}

/** The system's matrix times `x`. */
function applied({ w, h, down, right, hold }, x, y) {
  for (let i = 0; i < y.length; i += 1) y[i] = hold[i] * x[i];
  for (let i = 0; i < down.length; i += 1) {
    const across = down[i] * (x[i] - x[i + w]);
    y[i] += across;
    y[i + w] -= across;
  }
  for (let row = 0; row < h; row += 1) {
    const base = row * w;
    const steps = row * (w - 1);
    for (let k = 0; k < w - 1; k += 1) {
      const across = right[steps + k] * (x[base + k] - x[base + k + 1]);
      y[base + k] += across;
      y[base + k + 1] -= across;
    }
  }
  return y;
}

function begun(system, diagonal, target, u) {
  const residual = applied(system, u, new Float32Array(u.length)).map((y, i) => target[i] - y);
  const direction = residual.map((r, i) => r / diagonal[i]);
  const size = residual.reduce((sum, r, i) => sum + r * direction[i], 0);
  return { u, residual, direction, size, image: new Float32Array(u.length) };
}

function advance(system, diagonal, state) {
  const { u, residual, direction, image } = state;
  applied(system, direction, image);
  let along = 0;
  for (let i = 0; i < image.length; i += 1) along += direction[i] * image[i];
  const step = state.size / Math.max(along, 1e-20);
  let size = 0;
  for (let i = 0; i < u.length; i += 1) {
    u[i] += step * direction[i];
    residual[i] -= step * image[i];
    size += (residual[i] * residual[i]) / diagonal[i];
  }
  const share = size / Math.max(state.size, 1e-20);
  for (let i = 0; i < u.length; i += 1) direction[i] = residual[i] / diagonal[i] + share * direction[i];
  state.size = size;
}

/**
 * Strokes, `{on, a, b}` with planes of the size of `luma`, over luma in 0..1 and the chroma that is there, `{a, b}`.
 * Gives `{a, b, rule}`: the new chroma, and how far paint decides it.
 */
function* spreading(strokes, luma, chroma) {
  const { w, h } = luma;
  if (!strokes.on.v.some(Boolean)) return { ...chroma, rule: plane(w, h) };
  const steps = stepsOf(luma);
  yield;
  const distance = median5(yield* distanceOf(strokes.on.v, steps, REACH * Math.min(w, h)));
  yield;
  const rule = plane(w, h, distance.v.map((d) => {
    const past = Math.min(1, Math.max(0, (d - FIRM) / (1 - FIRM)));
    return 1 - past * past * (3 - 2 * past);
  }));
  const hold = plane(w, h, strokes.on.v.map((on) => (on ? HELD : 0)));
  const targets = [strokes.a, strokes.b].map(({ v }) => plane(w, h, v.map((x, i) => x * hold.v[i])));
  const [a, b] = yield* solved(luma, targets, hold);
  const laid = (there, paint) => plane(w, h, there.v.map((x, i) => x + rule.v[i] * (paint.v[i] - x)));
  return { a: laid(chroma.a, a), b: laid(chroma.b, b), rule };
}

/** Do a generator's work in slices of a few milliseconds; null when `isOver` says so before the end. */
async function inSlices(work, isOver, sliceMs = 10) {
  for (;;) {
    const until = performance.now() + sliceMs;
    do {
      const { done, value } = work.next();
      if (done) return value;
    } while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve));
    if (isOver()) return null;
  }
}
