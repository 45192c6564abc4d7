// Names of files as Python reads them from the system: a byte that is no UTF-8 is a lone surrogate U+DC80..U+DCFF.

const LONE_BYTE = /([\udc80-\udcff])/u;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const SHORT_ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The bytes that the file system knows a name by. */
function bytesOf(name) {
  const encoder = new TextEncoder();
  const parts = name.split(LONE_BYTE).map((part) =>
    part.length === 1 && LONE_BYTE.test(part) ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : encoder.encode(part),
  );
  return joined(parts);
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A name for the screen: whatever could break a line or turn its direction is an escape. */
function printable(name) {
  return name.replace(UNPRINTABLE, (c) => {
    const code = c.codePointAt(0);
    if (SHORT_ESCAPES[c]) return SHORT_ESCAPES[c];
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A relative address of a path whose parts stand between slashes. */
function addressOf(path) {
  return Array.from(bytesOf(path), (byte) => {
    const c = String.fromCharCode(byte);
    return /[A-Za-z0-9_.~/-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** Names as the bytes of a file have them: what is no UTF-8 becomes lone surrogates, as Python's surrogateescape does. */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return Array.from({ length: bytes.length }, (_, i) => i)
      .reduce(pieceAt(bytes), { text: [], until: 0 })
      .text.join("");
  }
}

function pieceAt(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return (so, i) => {
    if (i < so.until) return so;
    const [first] = [bytes[i]];
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    try {
      so.text.push(decoder.decode(bytes.subarray(i, i + length)));
      so.until = i + length;
    } catch {
      so.text.push(String.fromCharCode(0xdc00 + first));
      so.until = i + 1;
    }
    return so;
  };
}

/** Text that any address can hold, and what it was: lone surrogates would not survive as they are. */
const escaped = (text) => JSON.stringify(text).slice(1, -1);

function unescaped(text) {
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return "";
  }
}
