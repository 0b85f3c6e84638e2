package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// A paced stream measures what a frame is delayed by: the stand-in waits
// between frames and writes the time into each just before it sends it, in the
// padding member "p" that Bedrock has there too; the load compares that with
// the time at which it has the frame whole. Both read one machine's clock.

const (
	paceMark = "Pace " // in a prompt, before a duration and a full stop
	stampLen = 19      // digits of nanoseconds since 1970
	noStamp  = "0000000000000000000"
)

var stampKey = []byte(`"p":"`)

// paceIn finds the pace that a body's beginning asks for.
func paceIn(body []byte) time.Duration {
	_, rest, found := bytes.Cut(body, []byte(paceMark))
	text, _, ended := bytes.Cut(rest, []byte(". "))
	if !found || !ended {
		return 0
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return 0
	}
	return d
}

// stamped is a frame's chunk with the time in it, where it has room for it.
// The event stream's message ends with the CRC of what precedes it.
func stamped(chunk []byte) []byte {
	at := bytes.Index(chunk, stampKey)
	if at < 0 || bytes.HasPrefix(chunk, []byte("HTTP/")) {
		return chunk
	}
	out := bytes.Clone(chunk)
	start := bytes.Index(out, []byte("\r\n")) + 2
	message := out[start : start+int(binary.BigEndian.Uint32(out[start:]))]
	strconv.AppendInt(out[at+len(stampKey):at+len(stampKey)], time.Now().UnixNano(), 10)
	end := len(message) - 4
	binary.BigEndian.PutUint32(message[end:], crc32.ChecksumIEEE(message[:end]))
	return out
}

// frameClock is written a stream, in pieces of any size, and notes how long
// ago each stamped frame was sent.
type frameClock struct {
	counts  func() bool // asked for each frame; nil: all count
	pending []byte
	delays  []uint32 // nanoseconds
}

func (f *frameClock) Write(b []byte) (int, error) {
	now := time.Now().UnixNano()
	f.pending = append(f.pending, b...)
	used := 0
	for {
		rest := f.pending[used:]
		if len(rest) < 4 {
			break
		}
		n := int(binary.BigEndian.Uint32(rest))
		if n < 16 || n > 1<<20 {
			return 0, fmt.Errorf("a frame of %d bytes", n)
		}
		if len(rest) < n {
			break
		}
		if err := f.frame(rest[:n], now); err != nil {
			return 0, err
		}
		used += n
	}
	f.pending = f.pending[:copy(f.pending, f.pending[used:])]
	return len(b), nil
}

func (f *frameClock) frame(frame []byte, now int64) error {
	at := bytes.Index(frame, stampKey)
	if at < 0 {
		return nil
	}
	at += len(stampKey)
	sent, err := strconv.ParseInt(string(frame[at:at+stampLen]), 10, 64)
	if err != nil || sent == 0 {
		return errors.New("a frame without its time")
	}
	if now < sent || now-sent > int64(4*time.Second) {
		return errors.New("the clock stepped, or a frame took four seconds")
	}
	if f.counts == nil || f.counts() {
		f.delays = append(f.delays, uint32(now-sent))
	}
	return nil
}
