"""Spark's xxhash64 of whole columns, in numpy: equal rows have equal hashes in both.

Belongs here: the algorithm. Does not belong here: which values of a row are hashed (`validation`),
or what a hash decides (`splitting`).

Source: XXH64, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, as Spark's
`XxHash64` chains it: the hash of one column is the seed of the next, and the first seed is 42.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

SPARK_SEED = 42
_PRIME_1, _PRIME_2, _PRIME_3, _PRIME_4, _PRIME_5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_ROWS_AT_ONCE = 16_384
"""So many rows stay in a core's cache; a third of a million at once took 20 times as long."""


def seeds(rows: int) -> Words:
    """Returns what the hash of a row starts from, [rows]."""
    return np.full(rows, SPARK_SEED, np.uint64)


def hash_longs(seed: Words, values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Words:
    """Hashes 64-bit values on top of a seed.

    Args:
        seed: [N].
        values: [N]; floating point values count as their bits.

    Returns:
        The hashes, [N].
    """
    hashed = np.empty_like(seed)
    words = np.ascontiguousarray(values).view(np.uint64)
    for first in range(0, len(seed), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        start = seed[rows] + (_PRIME_5 + np.uint64(8))
        hashed[rows] = _finished(_with_word(start, words[rows]))
    return hashed


def hash_ints(seed: Words, values: npt.NDArray[np.int32]) -> Words:
    """Hashes 32-bit values on top of a seed; arguments and result as for `hash_longs`."""
    words = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    start = seed + (_PRIME_5 + np.uint64(4))
    return _finished(_with_half_word(start, words))


def hash_texts(seed: Words, codes: npt.NDArray[np.int32], texts: Sequence[str]) -> Words:
    """Hashes strings on top of a seed.

    Args:
        seed: [N].
        codes: which of `texts` each row has, [N].
        texts: the different strings.

    Returns:
        The hashes, [N].
    """
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], np.int64)
    hashed = np.empty_like(seed)
    for length in sorted(set(lengths.tolist())):
        alike = np.flatnonzero(lengths == length)
        letters = np.frombuffer(b"".join(encoded[index] for index in alike), np.uint8)
        place = np.zeros(len(encoded), np.int64)
        place[alike] = np.arange(len(alike))
        rows = np.flatnonzero(np.isin(codes, alike)) if len(alike) < len(encoded) else slice(None)
        bytes_of_each = letters.reshape(len(alike), length)[place[codes[rows]]]
        hashed[rows] = _hash_bytes(seed[rows], bytes_of_each)
    return hashed


def fractions(hashes: Words) -> npt.NDArray[np.float64]:
    """Returns hashes as numbers in [0, 1): their upper 53 bits, which is what a double holds."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _hash_bytes(seed: Words, content: npt.NDArray[np.uint8]) -> Words:
    """Hashes byte strings of one length, [N, length]."""
    rows, length = content.shape
    at = 0
    if length >= 32:
        lanes = [
            seed + _PRIME_1 + _PRIME_2,
            seed + _PRIME_2,
            seed.copy(),
            seed - _PRIME_1,
        ]
        while at + 32 <= length:
            for lane in range(4):
                words = _words(content[:, at : at + 8], np.uint64)
                lanes[lane] = _rotated(lanes[lane] + words * _PRIME_2, 31) * _PRIME_1
                at += 8
        hashed = np.zeros(rows, np.uint64)
        for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True):
            hashed += _rotated(lane, bits)
        for lane in lanes:
            hashed = (hashed ^ (_rotated(lane * _PRIME_2, 31) * _PRIME_1)) * _PRIME_1 + _PRIME_4
    else:
        hashed = seed + _PRIME_5
    hashed = hashed + np.uint64(length)
    while at + 8 <= length:
        hashed = _with_word(hashed, _words(content[:, at : at + 8], np.uint64))
        at += 8
    if at + 4 <= length:
        hashed = _with_half_word(hashed, _words(content[:, at : at + 4], np.uint32))
        at += 4
    for index in range(at, length):
        hashed = _rotated(hashed ^ (content[:, index].astype(np.uint64) * _PRIME_5), 11) * _PRIME_1
    return _finished(hashed)


def _words(content: npt.NDArray[np.uint8], kind: type[np.uint32 | np.uint64]) -> Words:
    """Returns the little-endian numbers that some columns of bytes are, [N]."""
    return (
        np.ascontiguousarray(content).view(np.dtype(kind).newbyteorder("<"))[:, 0].astype(np.uint64)
    )


def _with_word(hashed: Words, words: Words) -> Words:
    mixed = _rotated(words * _PRIME_2, 31) * _PRIME_1
    return _rotated(hashed ^ mixed, 27) * _PRIME_1 + _PRIME_4


def _with_half_word(hashed: Words, words: Words) -> Words:
    return _rotated(hashed ^ (words * _PRIME_1), 23) * _PRIME_2 + _PRIME_3


def _rotated(words: Words, bits: int) -> Words:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _finished(hashed: Words) -> Words:
    hashed = (hashed ^ (hashed >> np.uint64(33))) * _PRIME_2
    hashed = (hashed ^ (hashed >> np.uint64(29))) * _PRIME_3
    return hashed ^ (hashed >> np.uint64(32))
