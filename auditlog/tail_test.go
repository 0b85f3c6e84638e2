package auditlog_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
)

// twoFrames is a segment of two frames, the second of several pages.
func twoFrames() (data []byte, second int) {
	small := frame([][]byte{[]byte("a"), []byte("b")}, 256, []byte("note one\n"))
	big := frame([][]byte{bytes.Repeat([]byte("c"), 16000), []byte("d")}, 258, []byte("note two\n"))
	return append(small, big...), len(small)
}

func TestParseTail(t *testing.T) {
	data, second := twoFrames()
	tail, err := auditlog.ParseTail(data, 256)
	if err != nil || tail.Torn != 0 || tail.Whole != int64(len(data)) || len(tail.Frames) != 2 {
		t.Fatalf("ParseTail = %+v, %v", tail, err)
	}
	f := tail.Frames[1]
	if f.Offset != int64(second) || f.First != 258 || len(f.Entries) != 2 || string(f.Checkpoint) != "note two\n" {
		t.Errorf("second frame %+v", f)
	}
}

// TestTornTail: what a crash leaves of the last write is told from data.
func TestTornTail(t *testing.T) {
	data, second := twoFrames()
	zeroed := func(from, to int) []byte {
		b := bytes.Clone(data)
		clear(b[from:to])
		return b
	}
	cases := map[string][]byte{
		"header page lost":  zeroed(second, 4096),
		"middle page lost":  zeroed(8192, 12288),
		"last page lost":    zeroed(len(data)/4096*4096, len(data)),
		"all pages lost":    zeroed(second, len(data)),
		"a sector lost":     zeroed(8192+512, 8192+1024),
		"a small block":     zeroed(5*1024, 6*1024), // of a small ext4: a quarter of a page
		"last sector lost":  zeroed(len(data)/512*512, len(data)),
		"only zeros follow": append(bytes.Clone(data[:second]), make([]byte, 9000)...),
	}
	for _, n := range []int{1, 3, 4, 27, 28, 29, 5000} {
		cases["cut after "+string(rune('0'+n%10))+"…"] = data[:second+n]
	}
	for name, in := range cases {
		tail, err := auditlog.ParseTail(in, 256)
		if err != nil || len(tail.Frames) != 1 || tail.Whole != int64(second) || tail.Torn != int64(len(in)-second) {
			t.Errorf("%s: %d frames, whole %d, torn %d, %v", name, len(tail.Frames), tail.Whole, tail.Torn, err)
		}
	}
	for n := second + 1; n < len(data); n++ {
		if tail, err := auditlog.ParseTail(data[:n], 256); err != nil || tail.Whole != int64(second) {
			t.Fatalf("cut to %d bytes: whole %d, %v", n, tail.Whole, err)
		}
	}
}

// TestTamperedTail: what no crash can do is damage, with its place.
func TestTamperedTail(t *testing.T) {
	data, second := twoFrames()
	edit := func(f func(b []byte)) []byte {
		b := bytes.Clone(data)
		f(b)
		return b
	}
	for name, tc := range map[string]struct {
		in    []byte
		first uint64
		at    int
	}{
		"byte of the last frame":        {edit(func(b []byte) { b[len(b)-100] ^= 1 }), 256, second},
		"byte of the first frame":       {edit(func(b []byte) { b[30] ^= 1 }), 256, 0},
		"first frame zeroed":            {edit(func(b []byte) { clear(b[:second]) }), 256, 0},
		"length in the last header":     {edit(func(b []byte) { b[second+18] ^= 1 }), 256, second},
		"garbage appended":              {append(bytes.Clone(data), "garbage garbage garbage garbage"...), 256, len(data)},
		"short garbage appended":        {append(bytes.Clone(data), "xx"...), 256, len(data)},
		"first frame removed":           {data[second:], 256, 0},
		"frame repeated":                {append(bytes.Clone(data), data[second:]...), 256, len(data)},
		"segment under another name":    {data, 512, 0},
		"half a sector zeroed":          {edit(func(b []byte) { clear(b[8192 : 8192+256]) }), 256, second},
		"page lost before a good frame": {append(edit(func(b []byte) { clear(b[4096:8192]) }), frame([][]byte{[]byte("e")}, 260, nil)...), 256, second},
	} {
		_, err := auditlog.ParseTail(tc.in, tc.first)
		d, ok := errors.AsType[*auditlog.DamageError](err)
		if !ok || d.Offset != int64(tc.at) {
			t.Errorf("%s: %v, want damage at byte %d", name, err, tc.at)
		}
	}
}

// TestAnyFlipInATailIsDamage: a changed byte is never mistaken for a crash.
func TestAnyFlipInATailIsDamage(t *testing.T) {
	data, _ := twoFrames()
	rapid.Check(t, func(r *rapid.T) {
		b := bytes.Clone(data)
		i := rapid.IntRange(0, len(b)-1).Draw(r, "byte")
		b[i] ^= rapid.ByteRange(1, 255).Draw(r, "flip")
		if tail, err := auditlog.ParseTail(b, 256); err == nil {
			r.Fatalf("byte %d: whole %d, torn %d", i, tail.Whole, tail.Torn)
		}
	})
}

func FuzzParseTail(f *testing.F) {
	data, second := twoFrames()
	f.Add(data)
	f.Add(data[:second+40])
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		tail, err := auditlog.ParseTail(b, 256)
		if err != nil {
			return
		}
		if tail.Whole+tail.Torn != int64(len(b)) {
			t.Errorf("%d whole and %d torn of %d bytes", tail.Whole, tail.Torn, len(b))
		}
		var again []byte
		for _, fr := range tail.Frames {
			again = append(again, frame(fr.Entries, int(fr.First), fr.Checkpoint)...)
		}
		if !bytes.Equal(again, b[:tail.Whole]) {
			t.Error("the frames are not what they were read from")
		}
	})
}
