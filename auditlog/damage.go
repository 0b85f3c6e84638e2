package auditlog

import (
	"errors"
	"fmt"
)

// DamageError says that a log is not what its writer signed, and where. Any
// other error of this package means that a check could not be made.
type DamageError struct {
	File   string // path inside the log directory
	Offset int64  // byte offset in File; -1 when the whole file is meant
	Index  uint64 // index of the first entry concerned; math.MaxUint64 when none
	What   string
}

// noIndex is the Index of damage that concerns no entry in particular.
const noIndex = 1<<64 - 1

func (e *DamageError) Error() string {
	s := e.File
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	if e.Index != noIndex {
		s += fmt.Sprintf(" (entry %d)", e.Index)
	}
	return s + ": " + e.What
}

func damage(file string, offset int64, index uint64, format string, args ...any) *DamageError {
	return &DamageError{File: file, Offset: offset, Index: index, What: fmt.Sprintf(format, args...)}
}

// inFile fills in the file of damage that a parser found in bytes it was
// handed; other errors become damage of the whole file.
func inFile(file string, err error) error {
	if d, ok := errors.AsType[*DamageError](err); ok {
		c := *d
		c.File = file
		return &c
	}
	return damage(file, -1, noIndex, "%v", err)
}
