// Filters on planes of floats, as OpenCV has them: what spreading strokes is made of. A plane is {w, h, v: Float32Array}.

const plane = (w, h, v = new Float32Array(w * h)) => ({ w, h, v });

/** An index outside of 0..n - 1 mirrored at the first and last sample (BORDER_REFLECT_101). */
function mirrored(i, n) {
  let at = i;
  while (n > 1 && (at < 0 || at >= n)) at = at < 0 ? -at : 2 * n - 2 - at;
  return n > 1 ? at : 0;
}

/** The samples that an output sample is the mean of, and their weights: areas where it shrinks (INTER_AREA). */
function areaTaps(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [begin, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const taps = [];
    for (let k = Math.floor(begin + 1e-9); k < Math.ceil(end - 1e-9); k += 1) {
      taps.push([k, (Math.min(end, k + 1) - Math.max(begin, k)) / (end - begin)]);
    }
    return taps;
  });
}

/** The two samples around an output sample, and their weights (INTER_LINEAR). */
function linearTaps(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const at = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(at);
    const share = at - low;
    const inside = (k) => Math.min(from - 1, Math.max(0, k));
    return [[inside(low), 1 - share], [inside(low + 1), share]];
  });
}

function resized({ w, h, v }, toW, toH, tapsOf) {
  const [across, down] = [tapsOf(w, toW), tapsOf(h, toH)];
  const wide = new Float32Array(toW * h);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < toW; x += 1) {
      let sum = 0;
      for (const [k, weight] of across[x]) sum += weight * v[y * w + k];
      wide[y * toW + x] = sum;
    }
  }
  const made = plane(toW, toH);
  for (let y = 0; y < toH; y += 1) {
    for (const [k, weight] of down[y]) {
      for (let x = 0; x < toW; x += 1) made.v[y * toW + x] += weight * wide[k * toW + x];
    }
  }
  return made;
}

/** Averaged over areas; to a larger size, interpolated. */
const shrunkTo = (one, w, h) => resized(one, w, h, w > one.w || h > one.h ? linearTaps : areaTaps);
const grownTo = (one, w, h) => resized(one, w, h, linearTaps);

/** The mean over a square of `size`, an odd number. */
function blurred(one, size) {
  const sums = (v, w, h, step, stride) => {
    const made = new Float32Array(v.length);
    const half = size >> 1;
    for (let line = 0; line < h; line += 1) {
      const at = (i) => v[line * stride + mirrored(i, w) * step];
      let sum = 0;
      for (let i = -half; i <= half; i += 1) sum += at(i);
      for (let i = 0; i < w; i += 1) {
        made[line * stride + i * step] = sum / size;
        sum += at(i + half + 1) - at(i - half);
      }
    }
    return made;
  };
  const { w, h } = one;
  return plane(w, h, sums(sums(one.v, w, h, 1, w), h, w, w, 1));
}

/** Smoothed but at edges: `cv2.bilateralFilter(plane, 5, 0.06, 1.5)`. */
function bilateral({ w, h, v }) {
  const [radius, color, space] = [2, -0.5 / 0.06 ** 2, -0.5 / 1.5 ** 2];
  const taps = [];
  for (let dy = -radius; dy <= radius; dy += 1) {
    for (let dx = -radius; dx <= radius; dx += 1) {
      const far = dx * dx + dy * dy;
      if (far && far <= radius * radius) taps.push([dx, dy, Math.exp(far * space)]);
    }
  }
  const [wide, high] = [w + 2 * radius, h + 2 * radius];
  const padded = new Float32Array(wide * high);
  for (let y = 0; y < high; y += 1) {
    const row = mirrored(y - radius, h) * w;
    for (let x = 0; x < wide; x += 1) padded[y * wide + x] = v[row + mirrored(x - radius, w)];
  }
  const made = plane(w, h);
  const offsets = taps.map(([dx, dy, weight]) => [dy * wide + dx, weight]);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const at = (y + radius) * wide + x + radius;
      const center = padded[at];
      let [sum, weights] = [center, 1];
      for (const [offset, near] of offsets) {
        const value = padded[at + offset];
        const weight = near * Math.exp((value - center) ** 2 * color);
        sum += value * weight;
        weights += weight;
      }
      made.v[y * w + x] = sum / weights;
    }
  }
  return made;
}

/** The median over squares of five; beyond the edge as at it. */
function median5({ w, h, v }) {
  const made = plane(w, h);
  const seen = new Float32Array(25);
  const rows = new Int32Array(5);
  const columns = new Int32Array(5);
  for (let y = 0; y < h; y += 1) {
    for (let k = 0; k < 5; k += 1) rows[k] = Math.min(h - 1, Math.max(0, y + k - 2)) * w;
    for (let x = 0; x < w; x += 1) {
      for (let k = 0; k < 5; k += 1) columns[k] = Math.min(w - 1, Math.max(0, x + k - 2));
      let n = 0;
      let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = 0; i < 5; i += 1) {
        for (let k = 0; k < 5; k += 1) {
          const value = v[rows[i] + columns[k]];
          seen[n] = value;
          n += 1;
          if (value < least) least = value;
          if (value > most) most = value;
        }
      }
      made.v[y * w + x] = least === most ? least : thirteenth(seen);
    }
  }
  return made;
}

/** The middle one of 25 numbers, which change places (Hoare's selection). */
function thirteenth(seen) {
  let [low, high] = [0, 24];
  while (low < high) {
    const pivot = seen[12];
    let [i, k] = [low, high];
    while (i <= k) {
      while (seen[i] < pivot) i += 1;
      while (seen[k] > pivot) k -= 1;
      if (i <= k) {
        const held = seen[i];
        seen[i] = seen[k];
        seen[k] = held;
        i += 1;
        k -= 1;
      }
    }
    if (k < 12) low = i;
    if (i > 12) high = k;
  }
  return seen[12];
}

/** Numbers at shares of the way through the sorted ones, interpolated, as `numpy.percentile` has them. */
function percentiles(v, shares) {
  const sorted = v.slice().sort();
  return shares.map((share) => {
    const at = share * (sorted.length - 1);
    const low = Math.floor(at);
    return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  });
}
