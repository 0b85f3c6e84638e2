package auditlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// FrameHeaderSize is the room that [SealFrame] needs before the entries.
const FrameHeaderSize = 28

const (
	frameMagic   = "WRF1"
	trailerMagic = "FEND"
	trailerSize  = 8
	headerSummed = 24 // bytes of the header before its own CRC

	// MaxFrameEntries and MaxFrameBytes bound what one frame holds: entries,
	// and their encoded length.
	MaxFrameEntries = 1 << 16
	MaxFrameBytes   = 16 << 20

	// sectorSize is the least that is lost as a whole: disks write sectors, and
	// file systems blocks, of this size or a multiple of it.
	sectorSize = 512
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Frame is one durable batch of the write-ahead tail.
type Frame struct {
	Offset     int64    // of the frame in its segment
	First      uint64   // index of the first entry
	Entries    [][]byte // share memory with the segment
	Checkpoint []byte   // the signed note of the tree that ends with this frame
}

// Tail is a parsed segment of the write-ahead tail.
type Tail struct {
	Frames []Frame
	Whole  int64 // length of the whole frames in bytes
	Torn   int64 // bytes after them that a crash left behind
}

// TailPath is the file of the segment whose first entry has the given index.
func TailPath(first uint64) string { return fmt.Sprintf("tail/%020d", first) }

// parseTailName reads the name of a segment inside tail/.
func parseTailName(name string) (uint64, error) {
	first, err := strconv.ParseUint(name, 10, 64)
	if err != nil || "tail/"+name != TailPath(first) || first%TileWidth != 0 || first >= maxSize {
		return 0, fmt.Errorf("%q is not the name of a segment", name)
	}
	return first, nil
}

// SealFrame completes a frame in place: buf starts with [FrameHeaderSize]
// bytes of any content, followed by count entries added with [AppendEntry].
// The caller keeps to [MaxFrameEntries] and [MaxFrameBytes].
func SealFrame(buf []byte, first uint64, count int, checkpoint []byte) []byte {
	entries := len(buf) - FrameHeaderSize
	h := buf[:0:FrameHeaderSize]
	h = append(h, frameMagic...)
	h = binary.BigEndian.AppendUint32(h, uint32(count))
	h = binary.BigEndian.AppendUint64(h, first)
	h = binary.BigEndian.AppendUint32(h, uint32(entries))
	h = binary.BigEndian.AppendUint32(h, uint32(len(checkpoint)))
	binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))

	buf = append(buf, checkpoint...)
	buf = binary.BigEndian.AppendUint32(buf, crc32.Checksum(buf[FrameHeaderSize:], castagnoli))
	return append(buf, trailerMagic...)
}

// frameHeader is a header whose own CRC was right.
type frameHeader struct {
	count   int
	first   uint64
	entries int
	note    int
}

func (h frameHeader) size() int { return FrameHeaderSize + h.entries + h.note + trailerSize }

func parseHeader(b []byte) (frameHeader, bool) {
	if len(b) < FrameHeaderSize || string(b[:4]) != frameMagic ||
		crc32.Checksum(b[:headerSummed], castagnoli) != binary.BigEndian.Uint32(b[headerSummed:]) {
		return frameHeader{}, false
	}
	count, entries, note := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	h := frameHeader{int(count), binary.BigEndian.Uint64(b[8:]), int(entries), int(note)}
	return h, count >= 1 && count <= MaxFrameEntries && entries <= MaxFrameBytes && note <= maxNote
}

// errTorn marks a frame that a crash cut off.
var errTorn = errors.New("torn frame")

// ParseTail reads the segment whose first entry has the given index. It checks
// CRCs and form, not hashes or signatures. A last frame that bears the marks of
// a crash is counted as Torn; whatever else is wrong is a [DamageError]. The
// caller decides whether this segment may have a torn end at all.
func ParseTail(data []byte, first uint64) (Tail, error) {
	var t Tail
	next := first
	for off := 0; off < len(data); {
		f, size, err := parseFrame(data, off, next)
		if errors.Is(err, errTorn) {
			t.Torn = int64(len(data) - off)
			return t, nil
		}
		if err != nil {
			return Tail{}, err
		}
		t.Frames = append(t.Frames, f)
		next += uint64(len(f.Entries))
		off += size
		t.Whole = int64(off)
	}
	return t, nil
}

func parseFrame(data []byte, off int, next uint64) (Frame, int, error) {
	at := func(format string, args ...any) error { return damage("", int64(off), next, format, args...) }
	rest := data[off:]
	h, ok := parseHeader(rest)
	if !ok {
		if tornHeader(data, off) {
			return Frame{}, 0, errTorn
		}
		return Frame{}, 0, at("frame header does not match its checksum")
	}
	if h.first != next {
		return Frame{}, 0, at("frame starts at entry %d", h.first)
	}
	if h.size() > len(rest) {
		return Frame{}, 0, errTorn
	}
	body := rest[FrameHeaderSize : FrameHeaderSize+h.entries+h.note]
	trailer := rest[FrameHeaderSize+len(body) : h.size()]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(trailer) || string(trailer[4:]) != trailerMagic {
		if h.size() == len(rest) && zeroSector(data, off) {
			return Frame{}, 0, errTorn
		}
		return Frame{}, 0, at("frame does not match its checksum")
	}
	entries, err := splitEntries(body[:h.entries], h.count)
	if err != nil {
		return Frame{}, 0, at("frame holds bad entries: %v", err)
	}
	if len(entries) != h.count {
		return Frame{}, 0, at("frame holds %d entries, its header says %d", len(entries), h.count)
	}
	return Frame{Offset: int64(off), First: next, Entries: entries, Checkpoint: body[h.entries:]}, h.size(), nil
}

// tornHeader reports whether a crash explains that no header is at off: the
// file ends inside it, or a sector was lost. A good frame after it proves that
// this one had been written whole once.
func tornHeader(data []byte, off int) bool {
	rest := data[off:]
	if len(rest) < FrameHeaderSize {
		return bytes.HasPrefix([]byte(frameMagic), rest[:min(len(rest), len(frameMagic))]) || zeroSector(data, off)
	}
	return zeroSector(data, off) && !laterFrame(rest[1:])
}

func laterFrame(b []byte) bool {
	for {
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			return false
		}
		if _, ok := parseHeader(b[i:]); ok {
			return true
		}
		b = b[i+1:]
	}
}

// zeroSector reports whether a sector, or the part of one that lies at or after
// off, is all zeros.
func zeroSector(data []byte, off int) bool {
	for off < len(data) {
		end := min(off-off%sectorSize+sectorSize, len(data))
		if len(bytes.Trim(data[off:end], "\x00")) == 0 {
			return true
		}
		off = end
	}
	return false
}
