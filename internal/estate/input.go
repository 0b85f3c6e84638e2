package estate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

const stdin = "-"

// opener opens a file by name and tells its size; 0 is unknown.
type opener func(name string) (io.ReadCloser, int64, error)

func openFile(name string) (io.ReadCloser, int64, error) {
	if name == stdin {
		return io.NopCloser(os.Stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// input is one open file: decompressed, of bounded length, and without a byte
// order mark.
type input struct {
	name   string
	start  int64 // offset of the first byte: after a byte order mark
	text   io.Reader
	source *source
	close  func() error
}

var errTooLong = errors.New("it is longer than the limit")

// source reads a file's bytes as they are: it hashes and counts them.
type source struct {
	ctx  context.Context
	r    io.Reader
	sum  hash.Hash
	told func(n int)
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.told(n)
	return n, err
}

// bounded is a reader that fails after n bytes, unlike io.LimitedReader, which
// would make a cut file look whole.
type bounded struct {
	r io.Reader
	n int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n <= 0 {
		var one [1]byte
		if n, err := b.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.n)])
	b.n -= int64(n)
	return n, err
}

// input opens a file.
func (l *loader) input(name string) (*input, error) {
	f, _, err := l.open(name)
	if err != nil {
		return nil, err
	}
	in := &input{name: name, close: f.Close}
	in.source = &source{ctx: l.ctx, r: f, sum: sha256.New(), told: func(n int) { l.progress(int64(n), name) }}
	if err := in.decode(l.Limits.Bytes); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return in, nil
}

// decode looks at the first bytes for how the file is encoded.
func (in *input) decode(limit int64) error {
	raw := bufio.NewReaderSize(in.source, 1<<16)
	in.text = raw
	if magic, _ := raw.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return in.wrong("the gzip data cannot be read: "+err.Error(), "")
		}
		in.text = z
	}
	text := bufio.NewReaderSize(&bounded{r: in.text, n: limit}, 1<<16)
	in.text = text
	head, err := text.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("reading %s: %w", in.name, err)
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err = text.Discard(3)
		in.start = 3
		return err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")),
		len(head) >= 2 && (head[0] == 0) != (head[1] == 0):
		return in.wrong("it is UTF-16, not UTF-8", "in PowerShell, write it with `| Out-File -Encoding utf8`, or run the command in cmd")
	case len(head) == 0:
		return in.wrong("it is empty", "")
	}
	return nil
}

func (in *input) wrong(reason, hint string) *InputError {
	return &InputError{Position: awsiam.Position{File: in.name}, Reason: reason, Hint: hint}
}

// done reads to the end, so that the digest is of the whole file, and closes it.
func (in *input) done() (digest string, err error) {
	if _, err = io.Copy(io.Discard, in.source); err != nil {
		err = fmt.Errorf("reading %s: %w", in.name, err)
	}
	return hex.EncodeToString(in.source.sum.Sum(nil)), errors.Join(err, in.close())
}

// whole reads a file that is used as a whole, and lists it among the inputs.
func (l *loader) whole(name, kind string) (c *cursor, err error) {
	data, start, digest, err := l.bytes(name)
	if err != nil {
		return nil, err
	}
	l.estate.Inputs = append(l.estate.Inputs, Input{File: name, Kind: kind, Digest: digest})
	c = newCursor()
	c.begin(data, awsiam.Position{File: name, Offset: start, Line: 1, Column: 1 + int(start)}, name)
	return c, nil
}

// maxWhole bounds files that are held whole: all but account details and uses.
const maxWhole = 256 << 20

func (l *loader) bytes(name string) (data []byte, start int64, digest string, err error) {
	in, err := l.input(name)
	if err != nil {
		return nil, 0, "", err
	}
	data, err = io.ReadAll(&bounded{r: in.text, n: maxWhole})
	if err != nil {
		return nil, 0, "", errors.Join(fmt.Errorf("reading %s: %w", name, err), in.close())
	}
	digest, err = in.done()
	return data, in.start, digest, err
}

// progress passes on how much was read, at most every quarter of a second.
func (l *loader) progress(n int64, what string) {
	if l.Progress == nil {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.read += n
	if now := time.Now(); now.Sub(l.toldAt) >= time.Second/4 {
		l.toldAt = now
		l.Progress(l.read, l.total, what)
	}
}
