#!/usr/bin/env python3
"""Makes tests/fuzz/corpus/disk_page: files of the prefix cache as src/engine/disk_page.h lays them out, by the Python
package `cryptography`.

One is good; the others have something wrong. Key, name and contents are those of tests/fuzz/disk_page_fuzz.cpp.
"""

import pathlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TARGET = pathlib.Path(__file__).resolve().parents[1] / "fuzz" / "corpus" / "disk_page"
FORMAT = b"HearthP1"
KEY = bytes(range(32))
NAME = bytes([0xAA]) * 32
CONTENT = bytes(i * 7 % 256 for i in range(300))


def page(content=CONTENT, key=KEY, name=NAME, file_format=FORMAT, nonce=bytes(range(100, 112))):
    return file_format + nonce + AESGCM(key).encrypt(nonce, content, file_format + name)


FILES = {
    "good": page(),
    "of_an_empty_page": page(content=b""),
    "of_another_format": page(file_format=b"HearthP2"),
    "of_another_name": page(name=bytes(32)),
    "of_another_tenant": page(key=bytes(32)),
    "cut": page()[:200],
    "empty": b"",
}

if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        (TARGET / name).write_bytes(data)
