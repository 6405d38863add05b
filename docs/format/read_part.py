#!/usr/bin/env python3
"""Prints the spans of a Weft part, one JSON object per line.

    python3 read_part.py FOLDER            the spans, in the order of the file
    python3 read_part.py --part FOLDER     before them a line about the part: footer, digests

The companion of internal/trace/store/colstore/FORMAT.md: written from that document alone,
in its words, for people who want their traces without Weft or the document at work. It
knows version 4 and is not fast. Two things it needs Python may not have:

  - zstd: the module compression.zstd (Python 3.14), else zstandard, else the command zstd;
  - xxh3: the module xxhash. Without it no hash is checked, and a line on stderr says so.

It also checks that the blocks lie one behind the other up to the last byte, that each
column has just the values its spans call for, that directories and statistics are those of
the spans, and that the trace index leads to each trace. Filters are passed over: they are
for searches.

Texts that are not UTF-8 are {"hex": "…"}, doubles that are not finite {"bits": "…"}; bytes,
arrays, maps, opaque values (all protobuf) and unknown fields are hex.
"""

import collections
import itertools
import json
import math
import pathlib
import struct
import subprocess
import sys

try:
    from compression.zstd import decompress as unzstd
except ImportError:
    try:
        from zstandard import ZstdDecompressor

        def unzstd(frame):
            return ZstdDecompressor().decompressobj().decompress(frame)
    except ImportError:
        unzstd = None  # the command: see unpack

try:
    from xxhash import xxh3_64_intdigest as xxh3
except ImportError:
    xxh3 = None

U64 = 1 << 64

# Bits of a shape's mask.
EVENTS, LINKS, ODD_END, MARKS, FLAGS, DROPPED_ATTRS, DROPPED_EVENTS, DROPPED_LINKS = (1 << i for i in range(8))
NAME, MESSAGE, TRACE_STATE, UNKNOWN, STATUS_UNKNOWN, ATTR_UNKNOWN = (1 << i for i in range(8, 14))

# The fixed columns that are not of numbers, and the first column of attributes.
RAW_COLUMNS = {0, 1, 7, 8, 19, 20, 21, 28, 29, 32, 33, 38, 39}
TEXT_COLUMNS = {14, 15, 16, 17, 18, 25, 27, 35, 37}
ATTRIBUTES = 64

KINDS = ["absent", "empty", "string", "bool", "int", "double", "bytes", "array", "map", "opaque"]
ABSENT, EMPTY, STRING, BOOL, INT, DOUBLE = range(6)
SPAN, EVENT, LINK = range(3)


class Corrupt(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Corrupt(what)


def check_hash(data, want, what, bits=64):
    check(xxh3 is None or xxh3(data) % (1 << bits) == want, f"{what}: checksum mismatch")


def unpack(data, sizes):
    """The data, with those decompressed whose size is not 0: all at once, for the command's sake."""
    frames = [d for d, size in zip(data, sizes) if size]
    if unzstd or not frames:
        out = b"".join(map(unzstd, frames))
    else:
        out = subprocess.run(["zstd", "-dcq"], input=b"".join(frames), stdout=subprocess.PIPE, check=True).stdout
    check(len(out) == sum(sizes), "size after decompression")
    return [out[end - size : end] if size else d for d, size, end in zip(data, sizes, itertools.accumulate(sizes))]


def signed(n):
    """The 64-bit number n as two's complement."""
    return (n + (U64 >> 1)) % U64 - (U64 >> 1)


class Reader:
    """A position in bytes, and the notation of the document."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def more(self):
        return self.at < len(self.data)

    def take(self, n):
        check(n <= len(self.data) - self.at, "bytes end early")
        self.at += n
        return self.data[self.at - n : self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def done(self, what):
        check(not self.more(), f"{what}: {len(self.data) - self.at} bytes too many")

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return int.from_bytes(self.take(4), "little")

    def u64(self):
        return int.from_bytes(self.take(8), "little")

    def varint(self):
        n = shift = 0
        while (b := self.u8()) & 128:
            n |= (b & 127) << shift
            shift += 7
        n |= b << shift
        check(n < U64, "varint of more than 64 bits")
        return n

    def varints(self, n):
        return [self.varint() for _ in range(n)]

    def zigzag(self):
        return unzigzag(self.varint())

    def text(self):
        return self.take(self.varint())

    def time(self):
        n = self.varint()
        return unzigzag(n - 1) if n else None

    def list(self, read):
        return [read() for _ in range(self.varint())]

    def counts(self):
        """Ascending numbers with a count each."""
        numbers = list(itertools.accumulate(self.varints(self.varint()), lambda n, skipped: n + skipped + 1))
        return list(zip(numbers, self.varints(len(numbers))))

    def ref(self):
        return *self.varints(3), self.u64()

    def stats(self):
        start, starts, duration, durations = self.varints(4)
        return {"start": [signed(start), signed(start + starts)],
                "duration": [signed(duration), signed(duration + durations)], "error": bool(self.u8())}

    def value(self, kind):
        if kind in (ABSENT, EMPTY):
            return None
        if kind == DOUBLE:
            return self.u64()
        return self.varint() if kind == BOOL else self.zigzag() if kind == INT else self.text()

    def positioned(self, attrs):
        """Unknown fields of some of the attributes."""
        for _ in range(self.varint()):
            position = self.varint()
            attrs[position][3] = self.text()
        return attrs

    def origin(self):
        """What resources and scopes have in common."""
        attrs = self.list(lambda: [self.text(), (kind := self.u8()), self.value(kind), b""])
        return {"attributes": [attribute(*a) for a in self.positioned(attrs)], "dropped_attributes": self.varint(),
                "schema_url": text(self.text()), "present": bool(self.u8()),
                "unknown": self.text().hex(), "group_unknown": self.text().hex()}


def unzigzag(n):
    return n >> 1 ^ -(n & 1)


# ---------------------------------------------------------------------- the file


class Part:
    def __init__(self, folder):
        self.data = data = (pathlib.Path(folder) / "spans").read_bytes()
        self.seen = [(0, 16), (len(data) - 48, 48)]  # offset and size of all that was read, to find gaps
        self.found = {}  # tenant and trace id → first page, number of pages, is there one more
        check(len(data) >= 64 and data[:8] == b"weftpart" and data[-8:] == b"weft-end", "not a part, or cut off")
        self.version, zero = struct.unpack("<II", data[8:16])
        check(self.version == 4 and zero == 0, f"version {self.version} is not known")
        *footer, own = struct.unpack("<5Q", data[-48:-8])
        check_hash(data[-48:-16], own, "trailer")
        r = self.block(footer, "footer")
        self.arrival = r.time(), r.time()
        self.positions = [(first, first + length) for first, length in r.list(lambda: r.varints(2))]
        self.tenants = r.list(lambda: (r.text(), *r.varints(2)))
        schemas = r.list(lambda: (r.ref(), r.ref()))
        self.groups = r.list(lambda: (r.varints(7), r.stats(), r.ref(), r.ref(), r.ref()))
        index, digests = r.ref(), r.ref()
        r.done("footer")
        self.index = list(self.entries(self.block(index, "list of the index blocks")))
        r = self.block(digests, "digests")
        self.digests = r.list(lambda: (r.take(16), r.time()))
        r.done("digests")
        self.schemas = [Schema(self, *refs) for refs in schemas]

    def bytes(self, offset, size):
        check(offset + size <= len(self.data), "block beyond the end")
        self.seen.append((offset, size))
        return self.data[offset : offset + size]

    def block(self, ref, what):
        offset, stored, size, digest = ref
        data = self.bytes(offset, stored)
        check_hash(data, digest, what)
        return Reader(unpack([data], [size])[0])

    def entries(self, r):
        """The trace index: 40 bits of hash, first page, number of pages."""
        n, offset, first = r.varint(), r.varint(), 0
        for _ in range(n):
            first, size, digest = first + r.varint(), r.varint(), r.u32()
            data, offset, top = self.bytes(offset, size), offset + size, first
            check_hash(data, digest, "trace index", 32)
            block = Reader(data)
            while block.more():
                top, page = top + block.varint(), block.varint()
                yield top, page >> 1, block.varint() if page & 1 else 1
        r.done("list of the index blocks")

    def spans(self):
        number = 0
        for (tenant, schema, offset, pages, _, rows, begun), stats, tables_ref, outline_ref, table_ref in self.groups:
            tenant = self.tenants[tenant][0]
            tables, table = Tables(self, self.schemas[schema], tables_ref), self.block(table_ref, "page table")
            tables.check_outline(self.block(outline_ref, "outline"), pages)
            group = number
            for number in range(number, number + pages):
                (size, *ends), digest = table.varints(4), table.u64()
                (n, traces), want = table.varints(2), table.stats()
                page = Page(tables, self.bytes(offset, size), ends, digest)
                offset, rows, all_spans = offset + size, rows - n, []
                for flags, spans in page.traces(n, traces):
                    trace = tenant, spans[0]["trace_id"]
                    first, before, goes_on = self.found.get(trace, (number, 0, 0))
                    check(goes_on == bool(flags & 2), "directory: flags of a trace on several pages")
                    begun -= before == 0
                    self.found[trace] = first, before + 1, flags & 4 > 0
                    all_spans += spans
                check(stats_of(all_spans) == want, "page table: statistics")
                codes = codes_of(all_spans)
                check(all(page_codes[number - group] == codes.get(name, 0) for name, page_codes in tables.services),
                      "outline: services")
                yield from ({"tenant": text(tenant), **span} for span in all_spans)
            number += pages > 0
            table.done("page table")
            check(rows == begun == 0, "footer: spans or traces of a group")
            check(tables.used == tables.counts, "tables: spans, events or links of classes, scopes and shapes")

    def check_whole(self):
        """After all spans: is the trace index right, and was every byte of the file read?"""
        want = [(xxh3(tenant + bytes.fromhex(trace)) >> 24 if xxh3 else 0, first, pages + goes_on)
                for (tenant, trace), (first, pages, goes_on) in self.found.items()]
        check(sorted(want) == sorted((top if xxh3 else 0, *pages) for top, *pages in self.index), "trace index")
        at = 0
        for offset, size in sorted(self.seen):
            check(offset == at, f"blocks leave a gap or overlap at {min(offset, at)}")
            at = offset + size


def duration(span):
    return signed(span["end"] - span["start"]) if span["end"] > span["start"] else 0


def stats_of(spans):
    starts, durations = [s["start"] for s in spans], [duration(s) for s in spans]
    return {"start": [min(starts), max(starts)], "duration": [min(durations), max(durations)],
            "error": any(s["status"] == 2 for s in spans)}


def codes_of(spans):
    """What an outline says of the spans of each service."""
    found = {}
    for span in spans:
        for a in span["scope"]["resource"]["attributes"]:
            if a["key"] == "service.name" and a["kind"] == "string":
                name = a["value"].encode() if isinstance(a["value"], str) else bytes.fromhex(a["value"]["hex"])
                longest, error = found.get(name, (0, False))
                found[name] = max(longest, duration(span)), error or span["status"] == 2
    codes = {}
    for name, (longest, error) in found.items():
        bits = longest.bit_length()
        code = 2 * bits + (longest << 1 >> bits - 1 & 1) - 1 if bits else 0
        codes[name] = 1 + 2 * code + error
    return codes


# ---------------------------------------------------------------------- schemas and tables of groups


class Schema:
    def __init__(self, part, ref, copy):
        r = part.block(ref, "schema")
        check(copy == (0, 0, 0, 0) or part.block(copy, "copy of a schema").data == r.data, "schema: its copy differs")
        self.names = r.list(r.text)
        self.keys = r.list(r.text)
        self.columns = r.list(lambda: (r.u8(), r.varint(), r.u8()))  # of attributes: owner, key, kind
        self.resources = r.list(r.origin)
        self.scopes = r.list(lambda: self.read_scope(r))
        slots, total = r.list(lambda: self.read_slot(r)), r.varint()
        self.shapes = r.list(lambda: self.read_shape(r, slots))
        check(sum(len(s["slots"]) for s in self.shapes) == total, "schema: attributes of shapes")
        n = r.varint()
        self.pairs = [(self.scopes[c], self.shapes[s]) for c, s in zip(r.varints(n), r.varints(n))]
        r.done("schema")

    def read_scope(self, r):
        return {"resource": self.resources[r.varint()], "name": text(r.text()), "version": text(r.text()), **r.origin()}

    def read_shape(self, r, slots):
        owner, name = r.u8(), r.varint()
        shape = {"name": self.names[name - 1] if name else b"", **read_shape_fields(r, owner)}
        return {**shape, "slots": r.list(lambda: slots[r.varint()])}

    def read_slot(self, r):
        """Key, kind, value, and None or the column that has the value."""
        n = r.varint()
        if n & 1:
            return self.keys[n >> 1], (kind := r.u8()), r.value(kind), None
        _, key, kind = self.columns[n >> 1]
        return self.keys[key], kind, None, ATTRIBUTES + (n >> 1)


class Tables:
    def __init__(self, part, schema, ref):
        r = part.block(ref, "tables")
        self.schema, self.dicts, self.patterns, self.refs, self.services = schema, {}, {}, {}, []
        r.list(lambda: self.read_column(part, r))
        classes = sorted(r.counts(), key=lambda c: (-c[1].bit_length(), c[0]))
        self.classes = [schema.pairs[pair] for pair, _ in classes]
        # Spans, events and links: what the tables say and, while they are read, what there is.
        self.used, self.counts = collections.Counter(), collections.Counter()
        for n, (_, count) in enumerate(classes):
            self.counts["class", n + 1] = count
        for what in "scope", "shape":
            self.counts.update({(what, n): count for n, count in r.counts()})
        r.done("tables")

    def type(self, column):
        if column >= ATTRIBUTES:
            return {BOOL: "number", INT: "number", DOUBLE: "number"}.get(self.schema.columns[column - ATTRIBUTES][2], "text")
        return "raw" if column in RAW_COLUMNS else "text" if column in TEXT_COLUMNS else "number"

    def read_column(self, part, r):
        number, _, flags = r.varint(), r.varint(), r.u8()
        if flags & 1:
            n = r.varint()
            r.varints(n)  # uses
            is_text = self.type(number) == "text"
            self.dicts[number] = [r.take(size) for size in r.varints(n)] if is_text else [r.zigzag() for _ in range(n)]
        if flags & 2:
            r.varints(2)  # lowest, highest
        if flags & 4:
            self.refs[number] = r.ref(), (0, 0, 0, 0)
            part.block(self.refs[number][0], "filters")
        if flags & 8:
            ref = r.ref()
            if flags & 4:
                self.refs[number] = self.refs[number][0], ref
            p = part.block(ref, "patterns")
            self.patterns[number] = p.u8(), p.list(lambda: (p.list(lambda: read_hole(p)), p.text()))
            p.done("patterns")

    def check_outline(self, r, pages):
        """The columns whose texts only their filters know, as the tables have them."""
        for number, place, key, *refs in r.list(lambda: (r.varint(), r.u8(), r.text(), r.ref(), r.ref())):
            check(self.refs[number] == tuple(refs), "outline: filters of a column")
            of = 5 if number == 14 else 7, b""
            if number >= ATTRIBUTES:
                owner, attribute_key, _ = self.schema.columns[number - ATTRIBUTES]
                of = owner, self.schema.keys[attribute_key]
            check(of == (place, key), "outline: place of a column")
        r.take(r.varint())  # the filter of what the tables say
        self.services = r.list(lambda: (r.text(), r.take(pages)))
        r.done("outline")


def read_shape_fields(r, owner):
    if owner != SPAN:
        return {"mask": r.varint()}
    return {"mask": r.varint(), "kind": r.zigzag(), "status": r.zigzag(), "flags": r.varint(), "presence": r.u8()}


def read_inline_shape(r, owner):
    return {"name": r.text(), **read_shape_fields(r, owner), "inline": r.list(lambda: (r.text(), r.u8()))}


# ---------------------------------------------------------------------- columns


def numbers(encoding, r, dictionary):
    """The numbers of a column, of 64 bits; of doubles, their bits."""
    if encoding == 1:
        yield from itertools.repeat(r.varint())
    if encoding == 7:
        planes = r.rest()
        n = len(planes) // 8
        yield from (int.from_bytes(planes[i::n], "little") for i in range(n))
    last, power = 0, 10.0 ** r.u8() if encoding == 8 else 1
    while r.more():
        if encoding == 2:
            yield dictionary[r.varint()] % U64
        elif encoding == 3:
            yield r.varint()
        elif encoding == 4:
            yield r.zigzag() % U64
        elif encoding == 5:
            yield (last := (last + r.zigzag()) % U64)
        else:
            check(encoding == 8, f"encoding {encoding} of numbers")
            yield struct.unpack("<Q", struct.pack("<d", r.zigzag() / power))[0]


def texts(encoding, r, dictionary, patterns):
    if encoding == 1:
        yield from itertools.repeat(r.rest())
    elif encoding == 2:
        while r.more():
            yield dictionary[r.varint()]
    elif encoding == 6:
        sizes = Reader(r.text())
        while sizes.more():
            yield r.take(sizes.varint())
        r.done("texts")
    else:
        check(encoding == 9, f"encoding {encoding} of texts")
        yield from pattern_texts(r, *patterns)


class Page:
    def __init__(self, tables, data, ends, digest):
        check_hash(data[: ends[0]], digest, "header of a page")
        r, at, number, header = Reader(data[: ends[0]]), ends[0], 0, []
        for _ in range(r.varint()):
            number, encoding, stored = number + r.varint(), r.u8(), r.varint()
            size = r.varint() if encoding & 128 else 0
            check_hash(data[at : at + stored], r.u32(), f"column {number}", 32)
            header.append((number, encoding & 127, size, data[at : at + stored]))
            at += stored
            check(number > 1 or at <= ends[1], "page table: end of the columns 0 and 1")
            check(number > 5 or at <= ends[2], "page table: end of the columns 0 to 5")
        r.done("header of a page")
        check(at == len(data), "page: bytes behind the last column")
        self.tables, self.columns = tables, {}
        columns = unpack([data for *_, data in header], [size for _, _, size, _ in header])
        for (number, encoding, *_), values in zip(header, columns):
            kind, values = tables.type(number), Reader(values)
            check(kind != "raw" or encoding == 0, f"encoding {encoding} of a raw column")
            if kind == "number":
                values = numbers(encoding, values, tables.dicts.get(number))
            elif kind == "text":
                values = texts(encoding, values, tables.dicts.get(number), tables.patterns.get(number))
            self.columns[number] = values, encoding

    def raw(self, column):
        return self.columns.setdefault(column, (Reader(b""), 0))[0]

    def next(self, column):
        """The next value of a column of numbers or texts."""
        check(column in self.columns, f"column {column} is missing")
        for value in self.columns[column][0]:
            return value
        raise Corrupt(f"column {column} ends early")

    def traces(self, rows, traces):
        """Flags and spans of each trace of the page."""
        start = row = 0
        ids, far = self.raw(8).rest(), self.raw(7).rest()
        for _ in range(traces):
            entry, flags = self.raw(0), self.raw(0).u8()
            n, start = entry.varint(), signed(start + entry.zigzag())
            length, errors, root_start, resource, name = entry.varints(5)
            name = self.tables.schema.names[name - 1] if name else entry.text()
            root_id = entry.take(8) if flags & 6 else b""
            trace, spans, at = self.raw(1).take(16), [], start
            for k in range(row, row + n):
                span = {"trace_id": trace.hex(), "span_id": ids[8 * k : 8 * k + 8].hex(), **self.span(at)}
                at, parent = span["start"], span["parent_id"]
                if parent & 1:
                    p = k - unzigzag(parent >> 1)
                    check(row <= p < row + n, "parent in another trace")
                    span["parent_id"] = ids[8 * p : 8 * p + 8].hex()
                else:
                    span["parent_id"] = far[4 * parent - 8 : 4 * parent].hex()
                spans.append(span)
            row += n
            root = next((s for s in spans if s["parent_id"] == ""), spans[0])
            check(bool(flags & 1) == (root["parent_id"] == "") and root["start"] == signed(start + root_start)
                  and root["scope"]["resource"] is self.tables.schema.resources[resource] and root["name"] == text(name)
                  and root_id.hex() in ("", root["span_id"]), "directory: root of a trace")
            end = max(signed(s["start"] + duration(s)) for s in spans)
            check(start == min(s["start"] for s in spans) and length == (end - start) % U64
                  and errors == sum(s["status"] == 2 for s in spans), "directory: sums of a trace")
            yield flags, spans
        check(8 * row == 8 * rows == len(ids), "page: number of spans")
        for number, (values, encoding) in self.columns.items():
            more = values.more() if isinstance(values, Reader) else encoding != 1 and next(values, None) is not None
            check(not more, f"column {number} has more values than there are spans for")

    def span(self, before):
        if number := self.next(2):
            self.tables.used["class", number] += 1
            scope, shape = self.tables.classes[number - 1]
        else:
            self.tables.used["scope", number := self.raw(20).varint()] += 1
            scope, shape = self.tables.schema.scopes[number], read_inline_shape(self.raw(20), SPAN)
        mask, start = shape["mask"], signed(before + self.next(3))
        if not mask & ODD_END:
            end = signed(start + self.next(4))
        else:
            end = signed(start - odd) if (odd := self.next(5)) else 0
        attrs = self.attributes(shape, 21)
        events = [self.event(start) for _ in range(self.optional(mask, EVENTS, 22, 0))]
        links = [self.link() for _ in range(self.optional(mask, LINKS, 30, 0))]
        if mask & ATTR_UNKNOWN:
            self.raw(19).positioned(attrs + [a for e in events + links for a in e["attributes"]])
        for e in events + links:
            e["attributes"] = [attribute(*a) for a in e["attributes"]]
        return {"parent_id": self.next(6), "name": text(self.optional(mask, NAME, 14, shape["name"])),
                "kind": shape["kind"], "status": shape["status"],
                "status_message": text(self.optional(mask, MESSAGE, 15, b"")), "start": start, "end": end,
                "flags": self.optional(mask, FLAGS, 10, shape["flags"]), "presence": shape["presence"],
                "marks": self.optional(mask, MARKS, 9, 0),
                "trace_state": text(self.optional(mask, TRACE_STATE, 16, b"")),
                "attributes": [attribute(*a) for a in attrs], "events": events, "links": links,
                "dropped_attributes": self.optional(mask, DROPPED_ATTRS, 11, 0),
                "dropped_events": self.optional(mask, DROPPED_EVENTS, 12, 0),
                "dropped_links": self.optional(mask, DROPPED_LINKS, 13, 0),
                "unknown": self.optional(mask, UNKNOWN, 17, b"").hex(),
                "status_unknown": self.optional(mask, STATUS_UNKNOWN, 18, b"").hex(), "scope": scope}

    def optional(self, mask, bit, column, default):
        return self.next(column) if mask & bit else default

    def event(self, start):
        shape = self.child_shape(self.next(23), 28, EVENT)
        mask = shape["mask"]
        return {"time": signed(start + self.next(24)), "name": text(self.optional(mask, NAME, 25, shape["name"])),
                "attributes": self.attributes(shape, 29),
                "dropped_attributes": self.optional(mask, DROPPED_ATTRS, 26, 0),
                "unknown": self.optional(mask, UNKNOWN, 27, b"").hex()}

    def link(self):
        shape = self.child_shape(self.next(31), 38, LINK)
        mask = shape["mask"]
        return {"trace_id": self.raw(32).take(16).hex(), "span_id": self.raw(33).take(8).hex(),
                "flags": self.optional(mask, FLAGS, 34, 0),
                "trace_state": text(self.optional(mask, TRACE_STATE, 35, b"")),
                "attributes": self.attributes(shape, 39),
                "dropped_attributes": self.optional(mask, DROPPED_ATTRS, 36, 0),
                "unknown": self.optional(mask, UNKNOWN, 37, b"").hex()}

    def child_shape(self, number, inline, owner):
        if number == 0:
            return read_inline_shape(self.raw(inline), owner)
        self.tables.used["shape", number - 1] += 1
        return self.tables.schema.shapes[number - 1]

    def attributes(self, shape, overflow):
        """Key, kind, value and unknown fields of each attribute."""
        if "inline" in shape:
            return [[key, kind, self.raw(overflow).value(kind), b""] for key, kind in shape["inline"]]
        return [[key, kind, self.next(column) if column else value, b""] for key, kind, value, column in shape["slots"]]


# ---------------------------------------------------------------------- patterns


def read_hole(r):
    """The text in front, the kind, and by kind bits or digits, and base."""
    front, kind = r.text(), r.u8()
    return front, kind, r.u8() if kind <= 4 else 0, r.varint() if kind <= 2 else 0


def pattern_texts(r, several_lines, patterns):
    total, blocks, last = r.varint(), [], None
    for _ in range(2):
        size, stored = r.varints(2)
        blocks.append((r.take(stored or size), size if stored else 0))
    which, more = map(Reader, unpack(*zip(*blocks)))
    bits = Bits(r.rest())
    while which.more():
        if n := which.varint():
            lines = which.varints(n) if several_lines else [n]
            last = b"\n".join(more.text() if n == 1 else fill(*patterns[n - 2], more, bits) for n in lines)
        check(last is not None, "the first text of a page repeats none")
        total -= len(last)
        yield last
    more.done("what fills holes")
    check(total == 0 and bits.at + 7 >> 3 == len(bits.data), "patterns: size of the texts or of the bits")


def fill(holes, behind, more, bits):
    line = b""
    for front, kind, n, base in holes:
        line += front
        if kind == 1 or kind == 2:
            line += nth_digits(more.varint() if n == 255 else base + bits.take(n), 10 if kind == 1 else 16)
        elif kind == 3:
            line += bits.digits(n)
        elif kind == 4:
            line += bits.digits(n).upper()
        elif kind == 5:
            line += b"-".join(bits.digits(n) for n in (8, 4, 4, 4, 12))
        else:
            check(kind == 6, f"hole of kind {kind}")
            line += more.text()
    return line + behind


def nth_digits(n, base):
    """Text n of all texts of digits: the shorter first, then the smaller."""
    size = 1
    while n >= base**size:
        n -= base**size
        size += 1
    return f"{n:0{size}{'d' if base == 10 else 'x'}}".encode()


class Bits:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        first, end = self.at >> 3, self.at + n + 7 >> 3
        check(end <= len(self.data), "bits end early")
        self.at, shift = self.at + n, self.at & 7
        return (int.from_bytes(self.data[first:end], "little") >> shift) % (1 << n)

    def digits(self, n):
        return b"".join(b"%x" % self.take(4) for _ in range(n))


# ---------------------------------------------------------------------- JSON


def text(b):
    try:
        return b.decode()
    except UnicodeDecodeError:
        return {"hex": b.hex()}


def attribute(key, kind, value, unknown):
    if kind == STRING:
        value = text(value)
    elif kind == BOOL:
        value = bool(value)
    elif kind == INT:
        value = signed(value)
    elif kind == DOUBLE:
        number = struct.unpack("<d", struct.pack("<Q", value))[0]
        value = number if math.isfinite(number) else {"bits": f"{value:016x}"}
    elif value is not None:
        value = value.hex()
    return {"key": text(key), "kind": KINDS[kind], "value": value, "unknown": unknown.hex()}


def describe(part):
    return {"version": part.version, "arrival": part.arrival, "positions": part.positions,
            "tenants": [{"name": text(name), "spans": spans, "traces": traces} for name, spans, traces in part.tenants],
            "groups": [{"spans": spans, "traces": traces, **stats} for (*_, spans, traces), stats, *_ in part.groups],
            "digests": [{"digest": digest.hex(), "arrival": arrival} for digest, arrival in part.digests],
            "traces": len(part.index)}


def main(options, folder):
    if xxh3 is None:
        print("read_part.py: no module xxhash, checksums are not checked", file=sys.stderr)
    part = Part(folder)
    if options == ["--part"]:
        print(json.dumps(describe(part)))
    for span in part.spans():
        print(json.dumps(span))
    part.check_whole()


if __name__ == "__main__":
    *options, folder = sys.argv[1:] or ["--help"]
    if options not in ([], ["--part"]) or folder.startswith("--"):
        sys.exit(__doc__)
    try:
        main(options, folder)
    except (Corrupt, OSError, subprocess.CalledProcessError) as err:
        sys.exit(f"read_part.py: {folder}: {err}")
