package spend

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLine bounds one line of a log, in bytes: AWS puts bodies of more than 100 KB
// elsewhere.
const maxLine = 4 << 20

// Skipped is a part of a file that could not be read.
type Skipped struct {
	File   string `json:"file"`
	Line   int64  `json:"line,omitempty"`
	Reason string `json:"reason"`
}

// eachLine visits the lines of a text, numbered from 1, without the empty ones; a
// line that is too long goes to skip.
func eachLine(r io.Reader, visit func(n int64, line []byte) error, skip func(n int64, reason string)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for n := int64(1); ; n++ {
		var long bool
		var err error
		line, long, err = readLine(in, line[:0])
		switch text := bytes.TrimSpace(line); {
		case long:
			skip(n, fmt.Sprintf("the line is longer than %d bytes", maxLine))
		case len(text) > 0:
			if err := visit(n, text); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine appends one line to buf, or no more than its beginning when it is long.
func readLine(in *bufio.Reader, buf []byte) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(buf)+len(part) > maxLine {
			long = true
		} else {
			buf = append(buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, long, err
		}
	}
}

// Files lists the files below some paths, sorted; of directories, those that hold
// deliveries: not the marker that AWS writes to try a bucket, nor large bodies,
// which it keeps in folders named data.
func Files(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "data" && name != p:
				return filepath.SkipDir
			case d.IsDir() || name != p && !delivered(d):
				return nil
			}
			out = append(out, name)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func delivered(d fs.DirEntry) bool {
	return d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") && d.Name() != "amazon-bedrock-logs-permission-check"
}

// OpenFile opens a file, decompressing what begins as gzip does.
func OpenFile(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(f)
	if magic, _ := in.Peek(2); string(magic) != "\x1f\x8b" {
		return plainFile{in, f}, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", name, err), f.Close())
	}
	return plainFile{z, f}, nil
}

// plainFile reads what a file holds and closes the file.
type plainFile struct {
	io.Reader
	io.Closer
}
