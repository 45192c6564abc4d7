// Color arithmetic, as archivecolor/color.py has it: sRGB, CIE L*a*b* (D65), luma, and chroma laid beside luma.

const [KR, KG, KB] = [0.299, 0.587, 0.114];
const [EPSILON, KAPPA] = [216 / 24389, 24389 / 27];
const TO_XYZ = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const WHITE = TO_XYZ.map((row) => row[0] + row[1] + row[2]);
const FROM_XYZ = inverse(TO_XYZ);

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const [A, B, C] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const n = a * A + b * B + c * C;
  return [
    [A / n, (c * h - b * i) / n, (b * f - c * e) / n],
    [B / n, (a * i - c * g) / n, (c * d - a * f) / n],
    [C / n, (b * g - a * h) / n, (a * e - b * d) / n],
  ];
}

function toLinear(v) {
  const m = Math.abs(v);
  return Math.sign(v) * (m <= 0.04045 ? m / 12.92 : ((m + 0.055) / 1.055) ** 2.4);
}

function toCoded(v) {
  const m = Math.abs(v);
  return Math.sign(v) * (m <= 0.0031308 ? m * 12.92 : 1.055 * m ** (1 / 2.4) - 0.055);
}

const toRoot = (x) => (x > EPSILON ? Math.cbrt(x) : (KAPPA * x + 16) / 116);

/** L*, a*, b* of sRGB-coded values in 0..1. */
function labOf(r, g, b) {
  const linear = [toLinear(r), toLinear(g), toLinear(b)];
  const [x, y, z] = TO_XYZ.map((row, i) => toRoot((row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]) / WHITE[i]));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** sRGB-coded values, not clipped: outside 0..1 where sRGB cannot show the color. */
function rgbOf(l, a, b) {
  const y = (l + 16) / 116;
  const xyz = [y + a / 500, y, y - b / 200].map((f, i) => {
    const cubed = f * f * f;
    return (cubed > EPSILON ? cubed : (116 * f - 16) / KAPPA) * WHITE[i];
  });
  return FROM_XYZ.map((row) => toCoded(row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]));
}

const lumaOf = (r, g, b) => KR * r + KG * g + KB * b;
/** L* of a gray of that luma in 0..1. */
const lightnessOf = (luma) => 116 * toRoot(toLinear(luma)) - 16;

/** Cb and Cr, in units where luma is 0..1, of chroma beside a luma: L* is found so that the luma is the one given. */
function cbcrOf(luma, a, b) {
  const target = lightnessOf(luma);
  let l = target;
  let rgb = rgbOf(l, a, b);
  let error = target - lightnessOf(lumaOf(...rgb));
  let step = error;
  for (let i = 0; i < 4; i += 1) {
    l += step;
    rgb = rgbOf(l, a, b);
    const left = target - lightnessOf(lumaOf(...rgb));
    const slope = Math.abs(step) > 1e-3 ? (error - left) / step : 1;
    step = left / Math.min(2, Math.max(0.2, slope));
    error = left;
  }
  const y = lumaOf(...rgb);
  return [(rgb[2] - y) / (2 * (1 - KB)), (rgb[0] - y) / (2 * (1 - KR))];
}

/** What comes out when chroma is laid beside a luma in 0..1: sRGB-coded, brought in towards gray where it must be. */
function shownAt(luma, a, b) {
  const [cb, cr] = cbcrOf(luma, a, b);
  const [dr, db] = [cr * 2 * (1 - KR), cb * 2 * (1 - KB)];
  const dg = -(KR * dr + KB * db) / KG;
  const [up, down] = [Math.max(dr, dg, db, 1e-12), Math.max(-dr, -dg, -db, 1e-12)];
  const scale = Math.min(1, (1 - luma) / up, luma / down);
  return [luma + dr * scale, luma + dg * scale, luma + db * scale];
}

const partsOf = (hex) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255);
const hexOf = (rgb) => `#${rgb.map((v) => Math.round(Math.min(1, Math.max(0, v)) * 255).toString(16).padStart(2, "0")).join("")}`;
