package part

import (
	"strconv"

	"github.com/weft-dev/weft/internal/trace/span"
)

// colID numbers the columns of a page. The numbers are part of the format.
type colID uint32

// The columns that every group can have. Those of attributes follow from firstAttr on, in
// the order of the group's table.
const (
	colDirectory colID = iota // summaries of the page's traces
	colTraceID                // once for each of them
	colClass                  // scope and shape of each span
	colStart
	colDuration // of spans that end no earlier than they start
	colOddEnd   // of the others
	colParent
	colParentID // parents that are not in the page
	colSpanID
	colMarks
	colFlags
	colDroppedAttrs
	colDroppedEvents
	colDroppedLinks
	colName
	colStatusMessage
	colTraceState
	colUnknown
	colStatusUnknown
	colAttrUnknown
	colInlineSpan
	colOverflowSpan

	colEventCount
	colEventShape
	colEventTime
	colEventName
	colEventDropped
	colEventUnknown
	colInlineEvent
	colOverflowEvent

	colLinkCount
	colLinkShape
	colLinkTraceID
	colLinkSpanID
	colLinkFlags
	colLinkTraceState
	colLinkDropped
	colLinkUnknown
	colInlineLink
	colOverflowLink

	numFixed
	firstAttr colID = 64
)

// physical is what a column is made of.
type physical uint8

const (
	physRaw    physical = iota // bytes; the column says what they mean
	physNum                    // 64-bit numbers
	physDouble                 // numbers that are IEEE 754 bits
	physText                   // strings
)

// fixedColumns describes the columns below numFixed.
var fixedColumns = [numFixed]struct {
	name string
	phys physical
}{
	colDirectory:      {"directory", physRaw},
	colTraceID:        {"trace id", physRaw},
	colClass:          {"class", physNum},
	colStart:          {"start", physNum},
	colDuration:       {"duration", physNum},
	colOddEnd:         {"odd end", physNum},
	colParent:         {"parent", physNum},
	colParentID:       {"parent id", physRaw},
	colSpanID:         {"span id", physRaw},
	colMarks:          {"marks", physNum},
	colFlags:          {"flags", physNum},
	colDroppedAttrs:   {"dropped attributes", physNum},
	colDroppedEvents:  {"dropped events", physNum},
	colDroppedLinks:   {"dropped links", physNum},
	colName:           {"name", physText},
	colStatusMessage:  {"status message", physText},
	colTraceState:     {"trace state", physText},
	colUnknown:        {"unknown fields", physText},
	colStatusUnknown:  {"unknown status fields", physText},
	colAttrUnknown:    {"unknown attribute fields", physRaw},
	colInlineSpan:     {"inline spans", physRaw},
	colOverflowSpan:   {"overflow of spans", physRaw},
	colEventCount:     {"event count", physNum},
	colEventShape:     {"event shape", physNum},
	colEventTime:      {"event time", physNum},
	colEventName:      {"event name", physText},
	colEventDropped:   {"event dropped attributes", physNum},
	colEventUnknown:   {"unknown event fields", physText},
	colInlineEvent:    {"inline events", physRaw},
	colOverflowEvent:  {"overflow of events", physRaw},
	colLinkCount:      {"link count", physNum},
	colLinkShape:      {"link shape", physNum},
	colLinkTraceID:    {"link trace id", physRaw},
	colLinkSpanID:     {"link span id", physRaw},
	colLinkFlags:      {"link flags", physNum},
	colLinkTraceState: {"link trace state", physText},
	colLinkDropped:    {"link dropped attributes", physNum},
	colLinkUnknown:    {"unknown link fields", physText},
	colInlineLink:     {"inline links", physRaw},
	colOverflowLink:   {"overflow of links", physRaw},
}

// owner says what an attribute or a shape belongs to.
type owner uint8

const (
	ownSpan owner = iota
	ownEvent
	ownLink
	numOwners
)

var ownerNames = [numOwners]string{"span", "event", "link"}

// attrColumn identifies a column of attribute values.
type attrColumn struct {
	own  owner
	key  string
	kind span.ValueKind
}

var kindNames = [...]string{"absent", "empty", "string", "bool", "int", "double", "bytes", "array", "map", "opaque"}

func (a attrColumn) name() string {
	key := a.key
	if !isPlain(key) {
		key = strconv.Quote(key)
	}
	return ownerNames[a.own] + "." + key + " " + kindNames[a.kind]
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// physicalOf says how values of a kind are stored; false if the kind is all there is.
func physicalOf(k span.ValueKind) (physical, bool) {
	switch k {
	case span.ValueAbsent, span.ValueEmpty:
		return 0, false
	case span.ValueBool, span.ValueInt:
		return physNum, true
	case span.ValueDouble:
		return physDouble, true
	}
	return physText, true
}

// columnInfo is what a group knows about one of its columns.
type columnInfo struct {
	id   colID
	attr attrColumn // of an attribute's column
	phys physical

	// One of these where the column has a dictionary, with the number of uses of each
	// entry in count.
	texts []string
	nums  []uint64
	count []uint64

	values   uint64 // in the whole group
	min, max uint64 // of numbers, in the order of int64 or double; NaN left out
	ranged   bool   // min and max are set
	filter   blockRef
	patterns blockRef
}

func (c *columnInfo) name() string {
	if c.id < firstAttr {
		return fixedColumns[c.id].name
	}
	return c.attr.name()
}

func (c *columnInfo) hasDict() bool { return len(c.count) > 0 }
