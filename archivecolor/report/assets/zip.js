// A ZIP archive of files as they are (method 0; PKWARE's APPNOTE 6.3.3), for browsers that have no folder picker.

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});
const UTF8_NAME = 0x800;

function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC_TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

/** Little-endian numbers, each with its size in bytes. */
function numbers(...pairs) {
  const bytes = new Uint8Array(pairs.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of pairs) {
    for (let k = 0; k < size; k += 1) bytes[at + k] = (value >>> (8 * k)) & 255;
    at += size;
  }
  return bytes;
}

function dosTime(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return [time, ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate()];
}

/** `files` are `{name, blob}` with `/` between the parts of a name; a name that is no UTF-8 is written to the byte. */
async function zipped(files) {
  const [time, date] = dosTime(new Date());
  const [parts, directory] = [[], []];
  let at = 0;
  for (const { name, blob } of files) {
    const content = new Uint8Array(await blob.arrayBuffer());
    const path = bytesOf(name);
    const flags = LONE_BYTE.test(name) ? 0 : UTF8_NAME;
    const size = content.length;
    const common = [[20, 2], [flags, 2], [0, 2], [time, 2], [date, 2], [crc32(content), 4], [size, 4], [size, 4], [path.length, 2], [0, 2]];
    const head = joined([numbers([0x04034b50, 4], ...common), path]);
    const entry = [[0x02014b50, 4], [0x0314, 2], ...common, [0, 2], [0, 2], [0, 2], [(0o100644 << 16) >>> 0, 4], [at, 4]];
    directory.push(numbers(...entry), path);
    parts.push(head, content);
    at += head.length + size;
  }
  const central = joined(directory);
  const end = numbers([0x06054b50, 4], [0, 4], [files.length, 2], [files.length, 2], [central.length, 4], [at, 4], [0, 2]);
  return new Blob([...parts, central, end], { type: "application/zip" });
}
