package bedrock

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Frames made by AWS's own encoders.
const (
	goldenEvent     = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869227d7d1f944657"
	goldenException = "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readFrames copies every frame out of src.
func readFrames(src io.Reader) (frames []Frame, err error) {
	r := NewFrameReader(src)
	for {
		f, err := r.Next()
		if err != nil {
			return frames, err
		}
		f.Raw, f.Payload = bytes.Clone(f.Raw), bytes.Clone(f.Payload)
		frames = append(frames, f)
	}
}

func TestFrameReaderGolden(t *testing.T) {
	event, exc := unhex(t, goldenEvent), unhex(t, goldenException)
	stream := append(bytes.Clone(event), exc...)
	want := []Frame{
		{Raw: event, Message: "event", Type: "contentBlockDelta", Payload: []byte(`{"contentBlockIndex":0,"delta":{"text":"Hi"}}`)},
		{Raw: exc, Message: "exception", Type: "throttlingException", Payload: []byte(`{"message":"Too many requests"}`)},
	}
	for name, src := range map[string]io.Reader{
		"whole":          bytes.NewReader(stream),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(stream)),
		"with last data": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		got, err := readFrames(src)
		if err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestFrameReaderRefusesDamage(t *testing.T) {
	event := unhex(t, goldenEvent)
	for i := range event {
		damaged := bytes.Clone(event)
		damaged[i] ^= 1
		if _, err := readFrames(bytes.NewReader(damaged)); !errors.Is(err, ErrBadFrame) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for i := 1; i < len(event); i++ {
		if _, err := readFrames(bytes.NewReader(event[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := readFrames(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("source's error lost: %v", err)
	}
}

// encode makes a frame with AWS's encoder.
func encode(t testing.TB, payload []byte, headers ...eventstream.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, eventstream.Message{Headers: headers, Payload: payload}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func str(name, value string) eventstream.Header {
	return eventstream.Header{Name: name, Value: eventstream.StringValue(value)}
}

func TestFrameReaderHeaders(t *testing.T) {
	all := encode(t, []byte("{}"),
		eventstream.Header{Name: "a", Value: eventstream.BoolValue(true)},
		eventstream.Header{Name: "b", Value: eventstream.BoolValue(false)},
		eventstream.Header{Name: "c", Value: eventstream.Int8Value(1)},
		eventstream.Header{Name: "d", Value: eventstream.Int16Value(1)},
		eventstream.Header{Name: "e", Value: eventstream.Int32Value(1)},
		eventstream.Header{Name: "f", Value: eventstream.Int64Value(1)},
		eventstream.Header{Name: "g", Value: eventstream.BytesValue("xyz")},
		eventstream.Header{Name: "h", Value: eventstream.UUIDValue{1}},
		eventstream.Header{Name: "i", Value: eventstream.TimestampValue(someTime)},
		str(":message-type", "error"), str(":error-code", "Boom"), str(":error-message", "why"))
	got, err := readFrames(bytes.NewReader(all))
	if err != io.EOF || len(got) != 1 || got[0].Message != "error" || got[0].Type != "Boom" {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, frame := range map[string][]byte{
		"no headers":           encode(t, nil),
		"no type":              encode(t, nil, str(":message-type", "event")),
		"two types":            encode(t, nil, str(":message-type", "event"), str(":event-type", "a"), str(":exception-type", "b")),
		"two message types":    encode(t, nil, str(":message-type", "event"), str(":message-type", "error"), str(":event-type", "a")),
		"message type a bytes": encode(t, nil, eventstream.Header{Name: ":message-type", Value: eventstream.BytesValue("event")}, str(":event-type", "a")),
	} {
		if _, err := readFrames(bytes.NewReader(frame)); !errors.Is(err, ErrBadFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrameReaderSizeLimit(t *testing.T) {
	big := encode(t, make([]byte, maxFrame-200), str(":message-type", "event"), str(":event-type", "chunk"))
	if got, err := readFrames(bytes.NewReader(big)); err != io.EOF || len(got) != 1 {
		t.Errorf("large frame: %v", err)
	}
	over := unhex(t, "0100000100000000") // 16 MiB + 1, no headers
	over = binary.BigEndian.AppendUint32(over, crc32.ChecksumIEEE(over))
	if _, err := readFrames(bytes.NewReader(over)); !errors.Is(err, ErrBadFrame) {
		t.Errorf("oversized frame: %v", err)
	}
}

func TestFrameReaderContradictingLengths(t *testing.T) {
	for _, lengths := range []string{"0000000f00000000", "0000001000000001", "0000002000000011", "00000020ffffffff"} {
		b := unhex(t, lengths)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		b = append(b, make([]byte, 16)...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		if _, err := readFrames(bytes.NewReader(b)); !errors.Is(err, ErrBadFrame) || !strings.Contains(err.Error(), "contradict") {
			t.Errorf("%s: %v", lengths, err)
		}
	}
}

// TestFramesRejoin: any split of any stream gives back its own bytes, and says
// what AWS's decoder says.
func TestFramesRejoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []string
		for range rapid.IntRange(0, 5).Draw(t, "frames") {
			typ := rapid.StringMatching(`[a-zA-Z]{1,40}`).Draw(t, "type")
			payload := rapid.SliceOfN(rapid.Byte(), 0, 20_000).Draw(t, "payload")
			stream = AppendEvent(stream, typ, payload)
			want = append(want, typ)
		}
		step := rapid.IntRange(1, 9000).Draw(t, "step")
		frames, err := readFrames(&stepReader{stream, step})
		if err != io.EOF {
			t.Fatal(err)
		}
		var joined []byte
		oracle := bytes.NewReader(stream)
		for i, f := range frames {
			joined = append(joined, f.Raw...)
			m, err := eventstream.NewDecoder().Decode(oracle, nil)
			if err != nil || f.Type != want[i] || m.Headers.Get(":event-type").String() != f.Type || !bytes.Equal(m.Payload, f.Payload) {
				t.Fatalf("frame %d: got %+v, AWS %+v, %v", i, f, m, err)
			}
		}
		if len(frames) != len(want) || !bytes.Equal(joined, stream) {
			t.Fatalf("got %d frames of %d, or other bytes", len(frames), len(want))
		}
	})
}

// stepReader gives at most step bytes at a time.
type stepReader struct {
	rest []byte
	step int
}

func (r *stepReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.step)], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func FuzzFrameReader(f *testing.F) {
	event, exc := unhex(f, goldenEvent), unhex(f, goldenException)
	f.Add(event)
	f.Add(append(bytes.Clone(exc), event...))
	f.Add(event[:40])
	f.Add(encode(f, []byte("{}"), str(":message-type", "event"), str(":event-type", "chunk")))
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, err := readFrames(bytes.NewReader(stream))
		var joined []byte
		c, ic := NewCollector(ConverseStream), NewCollector(InvokeModelWithResponseStream)
		for _, f := range frames {
			joined = append(joined, f.Raw...)
			_, _ = c.Add(f), ic.Add(f)
		}
		if !bytes.HasPrefix(stream, joined) || err == io.EOF && len(joined) != len(stream) {
			t.Fatalf("%d bytes of %d came back (%v)", len(joined), len(stream), err)
		}
	})
}

// FuzzFrameHeaders puts checksums on arbitrary headers, which FuzzFrameReader
// cannot guess, and holds what is accepted against AWS's decoder.
func FuzzFrameHeaders(f *testing.F) {
	event := unhex(f, goldenEvent)
	f.Add(event[preludeLen:preludeLen+0x57], []byte("{}"))
	f.Add([]byte("\x0d:message-type\x07\x00\x05event\x01a\x08\x00\x00\x00\x00\x00\x00\x00\x00\x0b:event-type\x07\x00\x01b"), []byte{})
	f.Fuzz(func(t *testing.T, headers, payload []byte) {
		var b []byte
		b = binary.BigEndian.AppendUint32(b, uint32(preludeLen+len(headers)+len(payload)+checksumLen))
		b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		b = append(append(b, headers...), payload...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		got, err := NewFrameReader(bytes.NewReader(b)).Next()
		if err != nil {
			return
		}
		m, err := eventstream.NewDecoder().Decode(bytes.NewReader(b), nil)
		if err != nil || !bytes.Equal(m.Payload, got.Payload) || m.Headers.Get(":message-type").String() != got.Message {
			t.Fatalf("%x: got %+v, AWS %+v, %v", b, got, m, err)
		}
	})
}

func BenchmarkFrameReader(b *testing.B) {
	var stream []byte
	for range 200 {
		stream = append(stream, unhex(b, goldenEvent)...)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewFrameReader(bytes.NewReader(stream))
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
