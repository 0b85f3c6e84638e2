package journal

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/writ-project/writ/auditlog"
)

// tailFile is a segment on disk: an *os.File, or one that fails in a test.
// Write appends.
type tailFile interface {
	io.Writer
	io.ReaderAt
	Sync() error
	Close() error
}

// openTailFile opens a segment for appending, creating it if absent.
func openTailFile(path string) (tailFile, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

// segment is one file of the tail. The journal's segmentsMu guards it.
type segment struct {
	first   uint64
	file    tailFile
	size    int64
	offsets []uint32 // of each entry's encoding in the file
}

func (s *segment) end() uint64 { return s.first + uint64(len(s.offsets)) }

func (s *segment) holds(index uint64) bool { return index >= s.first && index < s.end() }

// extend notes a frame that was written: the offsets of its entries.
func (s *segment) extend(frameSize int, entries []byte) {
	for off := 0; off < len(entries); {
		s.offsets = append(s.offsets, uint32(s.size)+auditlog.FrameHeaderSize+uint32(off))
		off += 2 + int(binary.BigEndian.Uint16(entries[off:]))
	}
	s.size += int64(frameSize)
}

func (s *segment) entry(index uint64) ([]byte, error) {
	var length [2]byte
	off := int64(s.offsets[index-s.first])
	if _, err := s.file.ReadAt(length[:], off); err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := s.file.ReadAt(b, off+2); err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	return b, nil
}
