"""Lines of DPX (SMPTE 268M-2003): samples <-> the words that they are stored in, a few lines at a time.

A strip of lines stays in the processor's cache from the first step to the last; a whole frame of film does not, and
taking it step by step costs several times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from archivecolor.color import UIntArray, luma_of

STRIP_SAMPLES: Final = 1 << 15
"""Of a picture, in which its lines are taken; a line may have more."""
_TEN_BITS: Final = 0x3FF
_WORD: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Lines:
    """How lines of one form are stored."""

    width: int
    channels: int
    bits: int
    packing: int
    """0 packed, 1 filled with padding in the lowest bits, 2 with padding in the highest."""
    order: str
    """'>' or '<'."""

    @property
    def word(self) -> np.dtype[Any]:
        """What samples are stored in."""
        if self.bits == 8:
            return np.dtype(np.uint8)
        if self.bits == 16 or (self.bits == 12 and self.packing):
            return np.dtype(f"{self.order}u2")
        return np.dtype(f"{self.order}u4")

    @property
    def words(self) -> int:
        """That a line takes."""
        across = self.width * self.channels
        if self.word.itemsize < 4:
            return across
        return -(-across // 3) if self.packing else -(-across * self.bits // 32)

    @property
    def strip(self) -> int:
        """Lines that are best taken at a time."""
        return max(1, STRIP_SAMPLES // self.width)

    @property
    def _pixel_a_word(self) -> bool:
        """Whether a word holds the red, green and blue of one pixel: 10 bit RGB, filled, what scanners write."""
        return self.channels == 3 and self.bits == 10 and self.packing > 0

    @property
    def _shifts(self) -> tuple[int, int, int]:
        """Where three samples of 10 bits lie in a word: the first highest, of single channels lowest."""
        shifts = (22, 12, 2) if self.packing == 1 else (20, 10, 0)
        return shifts if self.channels > 1 else (shifts[2], shifts[1], shifts[0])

    def luma(self, stored: npt.NDArray[Any], luma: UIntArray) -> None:
        """Write the luma of ``[n, words]`` into ``[n, width]``; of equal samples it is what they are."""
        if self.channels == 1:
            luma[...] = self.unpacked(stored)[..., 0]
            return
        if self._pixel_a_word:
            words = _native(stored)
            first, second, third = self._shifts
            differ = words >> np.uint32(10)
            differ ^= words
            differ &= np.uint32(_TEN_BITS << second | _TEN_BITS << third)
            if not differ.any():
                words = np.right_shift(words, np.uint32(first), out=differ)
                luma[...] = words if self.packing == 1 else words & np.uint32(_TEN_BITS)
                return
        luma[...] = luma_of(self.unpacked(stored)[..., :3])

    def unpacked(self, stored: npt.NDArray[Any]) -> UIntArray:
        """Samples ``[n, width, channels]`` of ``[n, words]``, uint8 or uint16, integers of so many bits."""
        if self._pixel_a_word:
            words, planes = _native(stored), np.empty((3, *stored.shape), np.uint16)
            for plane, shift in zip(planes, self._shifts, strict=True):
                plane[...] = (words >> np.uint32(shift)) & np.uint32(_TEN_BITS)
            return planes.transpose(1, 2, 0)
        return self._samples(_native(stored)).reshape(len(stored), self.width, self.channels)

    def _samples(self, words: npt.NDArray[Any]) -> UIntArray:
        across, bits = self.width * self.channels, self.bits
        if bits in (8, 16):
            return words
        if words.dtype.itemsize == 2:
            return np.asarray(words >> 4 if self.packing == 1 else words & 0xFFF, dtype=np.uint16)
        if self.packing:
            samples = np.empty((*words.shape, 3), np.uint16)
            for i, shift in enumerate(self._shifts):
                np.bitwise_and(words >> shift, _TEN_BITS, out=samples[..., i], casting="unsafe")
            return samples.reshape(len(words), -1)[:, :across]
        period, group = _period(bits)
        whole = np.zeros((len(words), -(-across // period) * group + 1), np.uint64)
        whole[:, : words.shape[1]] = words
        samples = np.empty((len(words), (whole.shape[1] - 1) // group, period), np.uint16)
        for i in range(period):
            at, shift = divmod(i * bits, 32)
            pair = whole[:, at:-1:group] | whole[:, at + 1 :: group][:, : samples.shape[1]] << np.uint64(32)
            samples[..., i] = (pair >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        return samples.reshape(len(words), -1)[:, :across]

    def packed(self, samples: UIntArray) -> npt.NDArray[Any]:
        """``[n, words]`` of ``[n, width, channels]`` samples; lines begin at a word."""
        if self._pixel_a_word:
            words = samples[..., 0].astype(np.uint32)
            for i in (1, 2):
                words <<= np.uint32(10)
                words |= samples[..., i]
            words <<= np.uint32(self._shifts[2])
            return words.astype(self.word, copy=False)
        return self._stored(np.ascontiguousarray(samples).reshape(len(samples), self.width * self.channels))

    def _stored(self, samples: UIntArray) -> npt.NDArray[Any]:
        bits, kind, across = self.bits, self.word, samples.shape[1]
        if bits in (8, 16):
            return samples.astype(kind, copy=False)
        if kind.itemsize == 2:
            return np.asarray(samples << 4 if self.packing == 1 else samples, dtype=kind)
        if self.packing:
            padded = np.pad(samples, ((0, 0), (0, -across % 3))).reshape(len(samples), -1, 3)
            words = np.zeros(padded.shape[:2], np.uint32)
            for i, shift in enumerate(self._shifts):
                words |= padded[..., i].astype(np.uint32) << np.uint32(shift)
            return words.astype(kind, copy=False)
        period, group = _period(bits)
        padded = np.pad(samples, ((0, 0), (0, -across % period))).reshape(len(samples), -1, period).astype(np.uint64)
        whole = np.zeros((*padded.shape[:2], group + 1), np.uint64)
        for i in range(period):
            at, shift = divmod(i * bits, 32)
            moved = padded[..., i] << np.uint64(shift)
            whole[..., at] |= moved & np.uint64(_WORD)
            whole[..., at + 1] |= moved >> np.uint64(32)
        lines = whole[..., :group].reshape(len(samples), -1)[:, : self.words]
        return np.ascontiguousarray(lines.astype(kind))


def _native(stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In the machine's own order of bytes; a copy, for the file's buffer is used again."""
    return stored.astype(stored.dtype.newbyteorder("="))


def _period(bits: int) -> tuple[int, int]:
    """After how many samples packed ones begin at a word again, and how many words these take."""
    return (16, 5) if bits == 10 else (8, 3)
