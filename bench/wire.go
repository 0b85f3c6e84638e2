package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// header is what the load needs to know of a message's header fields.
type header struct {
	length  int64
	chunked bool
}

var (
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
)

// readHeader reads header fields up to the empty line.
func readHeader(in *bufio.Reader) (header, error) {
	var h header
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, contentLength):
			if h.length, err = strconv.ParseInt(string(value), 10, 32); err != nil || h.length < 0 {
				return h, fmt.Errorf("content length %q", value)
			}
		case bytes.EqualFold(name, transferEncoding):
			h.chunked = true
		}
	}
}

// readResponse reads one answer to its end; the body goes to keep, which may
// be nil. It is HTTP/1.1 as the three targets speak it, and no more: the load
// must cost less than what it measures.
func readResponse(in *bufio.Reader, keep io.Writer) (status int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("status line %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("status line %q", line)
	}
	h, err := readHeader(in)
	if err != nil {
		return status, err
	}
	if !h.chunked {
		return status, drain(in, h.length, keep)
	}
	return status, readChunks(in, keep)
}

func readChunks(in *bufio.Reader, keep io.Writer) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("chunk size %q", line)
		}
		if n == 0 {
			_, err := readHeader(in) // trailers
			return err
		}
		if err := drain(in, n, keep); err != nil {
			return err
		}
		var end [2]byte
		if _, err := io.ReadFull(in, end[:]); err != nil {
			return err
		}
		if end != [2]byte{'\r', '\n'} {
			return errors.New("a chunk does not end where it says")
		}
	}
}

// drain reads n bytes of a body.
func drain(in *bufio.Reader, n int64, keep io.Writer) error {
	if keep != nil {
		_, err := io.CopyN(keep, in, n)
		return err
	}
	_, err := in.Discard(int(n))
	return err
}
