"""JPEGs as Pillow does not write them: components of any sampling that share one scan and one Huffman table.

Code by code and block by block, as ITU-T T.81 says it, so that it is a second opinion on `stills.jpeg_huffman`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from archivecolor.color import UIntArray

# T.81, table K.3: what libjpeg codes DC differences with
DC_CODES = ["00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110", "111111110"]


def segments(data: bytes) -> dict[int, list[bytes]]:
    """Bodies by marker; the coded data under 0."""
    found: dict[int, list[bytes]] = {}
    at = 2
    while True:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        found.setdefault(marker, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == 0xDA:
            return found | {0: [data[at:-2]]}


def codes(table: bytes) -> dict[str, int]:
    """Symbols by code, of a DHT body's 16 counts and symbols."""
    found, code, at = {}, 0, 16
    for length in range(1, 17):
        for _ in range(table[length - 1]):
            found[f"{code:0{length}b}"] = table[at]
            code, at = code + 1, at + 1
        code <<= 1
    return found


def blocks(coded: bytes, dc: dict[str, int], ac: dict[str, int]) -> Iterator[tuple[int, str]]:
    """The DC difference and the bits of the AC coefficients of each block of a gray scan."""
    data = coded.replace(b"\xff\0", b"\xff")
    bits = "".join(f"{byte:08b}" for byte in data)
    at = 0

    def symbol(table: dict[str, int]) -> int:
        nonlocal at
        end = at + 1
        while bits[at:end] not in table:
            end += 1
            if end > len(bits):
                raise EOFError
        found = table[bits[at:end]]
        at = end
        return found

    while True:
        try:
            size = symbol(dc)
        except EOFError:
            return
        value = int(bits[at : at + size] or "0", 2)
        difference = value if not size or bits[at] == "1" else value - (1 << size) + 1
        at += size
        start, k = at, 1
        while k < 64:
            found = symbol(ac)
            at += found & 15
            if found & 15 == 0 and found >> 4 != 15:
                break
            k += (found >> 4) + 1
        yield difference, bits[start:at]


def dc_bits(difference: int) -> str:
    """The code of a DC difference, with the bits behind it."""
    size = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return DC_CODES[size] + (f"{value:0{size}b}" if size else "")


def packed(bits: str) -> bytes:
    """Filled up with ones and stuffed."""
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


def interleaved(
    planes: list[UIntArray], sampling: list[tuple[int, int]], size: tuple[int, int], *, interval: int = 0
) -> bytes:
    """A JPEG of ``size`` (height, width) whose components, of whole units each, are coded with one pair of tables.

    ``sampling`` is (down, across) of each component.
    """
    parts, head = [], {}
    for plane in planes:
        out = io.BytesIO()
        Image.fromarray(plane).save(out, "JPEG", quality=90)
        head = segments(out.getvalue())
        tables = {body[0]: codes(body[1:]) for body in head[0xC4]}
        found = list(blocks(head[0][0], tables[0], tables[16]))
        values = np.cumsum([difference for difference, _ in found])
        grid = (plane.shape[0] // 8, plane.shape[1] // 8)
        parts.append([(int(v), ac) for v, (_, ac) in zip(values, found, strict=False)][: grid[0] * grid[1]])
    down, across = sampling[0]
    units = (planes[0].shape[0] // (8 * down), planes[0].shape[1] // (8 * across))
    scan, bits, before = b"", "", [0] * len(planes)
    for number in range(units[0] * units[1]):
        if interval and number and number % interval == 0:
            scan += packed(bits) + bytes((0xFF, 0xD0 + (number // interval - 1) % 8))
            bits, before = "", [0] * len(planes)
        row, column = divmod(number, units[1])
        for i, (rows, columns) in enumerate(sampling):
            for block in range(rows * columns):
                y, x = row * rows + block // columns, column * columns + block % columns
                value, ac = parts[i][y * units[1] * columns + x]
                bits += dc_bits(value - before[i]) + ac
                before[i] = value
    scan += packed(bits)
    frame = b"\x08" + struct.pack(">HHB", *size, len(planes))
    frame += b"".join(bytes((i + 1, c << 4 | r, 0)) for i, (r, c) in enumerate(sampling))
    told = [(0xDB, body) for body in head[0xDB]] + [(0xC0, frame)] + [(0xC4, body) for body in head[0xC4]]
    told += [(0xDD, struct.pack(">H", interval))] if interval else []
    told += [(0xDA, bytes((len(planes),)) + b"".join(bytes((i + 1, 0)) for i in range(len(planes))) + b"\0\x3f\0")]
    written = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in told)
    return b"\xff\xd8" + written + scan + b"\xff\xd9"
