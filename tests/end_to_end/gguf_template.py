"""A model file with another chat template: GGUF's metadata copied with one text exchanged, the tensors as they are."""

import struct

TEMPLATE = "tokenizer.chat_template"
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes, by type
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("Q"))

    def skip(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            of, count = self.number("I"), self.number("Q")
            for _ in range(count):
                self.skip(of)
        else:
            self.take(SCALARS[kind])


def with_template(source, target, template):
    data = source.read_bytes()
    reader = Reader(data)
    head, tensors, pairs = reader.take(8), reader.number("Q"), reader.number("Q")
    assert head[:4] == b"GGUF"
    kept, alignment = [], 32
    for _ in range(pairs):
        begin = reader.at
        name, kind = reader.text(), reader.number("I")
        value = reader.at
        reader.skip(kind)
        if name == b"general.alignment":
            alignment = struct.unpack("<I", data[value:reader.at])[0]
        if name != TEMPLATE.encode():
            kept.append(data[begin:reader.at])
    text = template.encode()
    name = TEMPLATE.encode()
    kept.append(struct.pack("<Q", len(name)) + name + struct.pack("<IQ", STRING, len(text)) + text)
    begin = reader.at
    for _ in range(tensors):
        reader.text()
        reader.take(8 * reader.number("I") + 4 + 8)
    described = data[begin:reader.at]
    content = data[-(-reader.at // alignment) * alignment:]
    made = head + struct.pack("<QQ", tensors, len(kept)) + b"".join(kept) + described
    target.write_bytes(made + b"\0" * (-len(made) % alignment) + content)
