package document

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// decode undoes the filters of a stream (ISO 32000-2, 7.4). What it cannot
// undo it says; nil means that there is nothing to look at.
func (f *pdfFile) decode(o pdfObject) []byte {
	filters, parameters := f.all(o.value.get("Filter")), f.all(o.value.get("DecodeParms"))
	data := o.stream
	for i, filter := range filters {
		parameter := pdfValue{}
		if i < len(parameters) {
			parameter = f.resolve(parameters[i])
		}
		if data = f.filter(string(filter.bytes), data, parameter); data == nil {
			return nil
		}
	}
	if len(filters) == 0 && !f.unpacked(len(data)) {
		return nil
	}
	return data
}

// all is the values of an array, or the one value.
func (f *pdfFile) all(v pdfValue) []pdfValue {
	switch v = f.resolve(v); v.kind {
	case pdfNothing:
		return nil
	case pdfArray:
		return v.list
	}
	return []pdfValue{v}
}

// unpacked takes n bytes from what may still be unpacked.
func (f *pdfFile) unpacked(n int) bool {
	if f.r.left -= n; f.r.left < 0 {
		f.r.left = 0
		f.r.miss(TooLarge)
		return false
	}
	return true
}

func (f *pdfFile) filter(name string, b []byte, parameter pdfValue) []byte {
	switch name {
	case "FlateDecode", "Fl":
		return f.predicted(f.inflate(b), parameter)
	case "LZWDecode", "LZW":
		early := f.resolve(parameter.get("EarlyChange"))
		return f.predicted(f.lzw(b, early.kind == pdfNumber && early.num == 0), parameter)
	case "ASCIIHexDecode", "AHx":
		if n := bytes.IndexByte(b, '>'); n >= 0 {
			b = b[:n]
		}
		return f.sized(unhex(b))
	case "ASCII85Decode", "A85":
		return f.sized(ascii85(b))
	case "RunLengthDecode", "RL":
		return f.runLength(b)
	case "DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode":
		f.r.miss(Image)
	case "Crypt":
		f.r.miss(Encrypted)
	default:
		f.r.miss(UnknownContent)
	}
	return nil
}

func (f *pdfFile) sized(b []byte) []byte {
	if !f.unpacked(len(b)) {
		return nil
	}
	return b
}

// inflate leaves the checksum unread: many writers get it wrong.
func (f *pdfFile) inflate(b []byte) []byte {
	if len(b) < 2 {
		f.r.miss(MalformedDocument)
		return nil
	}
	in := flate.NewReader(bytes.NewReader(b[2:]))
	out, err := io.ReadAll(io.LimitReader(in, int64(f.r.left)+1))
	if len(out) > f.r.left {
		out = out[:f.r.left]
		f.r.miss(TooLarge)
	}
	f.r.left -= len(out)
	if err != nil && !errors.Is(err, io.EOF) {
		f.r.miss(MalformedDocument)
	}
	return out
}

// lzw is that of PDF and TIFF: codes of 9 to 12 bits, the highest bit first.
func (f *pdfFile) lzw(b []byte, late bool) []byte {
	table := make([][2]int, 258, 4097) // where in out each code's bytes start and end
	var out []byte
	bits, have, width, last := 0, 0, 9, -1
	early := 1
	if late {
		early = 0
	}
	for _, c := range b {
		bits, have = bits<<8|int(c), have+8
		if have < width {
			continue
		}
		code := bits >> (have - width) & (1<<width - 1)
		have -= width
		bits &= 1<<have - 1
		switch {
		case code == 256:
			table, width, last = table[:258], 9, -1
			continue
		case code == 257:
			return f.sized(out)
		}
		start := len(out)
		switch {
		case code < 256:
			out = append(out, byte(code))
		case code < len(table):
			out = append(out, out[table[code][0]:table[code][1]]...)
		case last >= 0 && code == len(table):
			out = append(append(out, out[last:start]...), out[last])
		default:
			f.r.miss(MalformedDocument)
			return f.sized(out)
		}
		if last >= 0 && len(table) < 4096 {
			table = append(table, [2]int{last, start + 1})
		}
		last = start
		if len(table)+early >= 1<<width && width < 12 {
			width++
		}
		if len(out) > f.r.left {
			break
		}
	}
	return f.sized(out)
}

func ascii85(b []byte) []byte {
	out := make([]byte, 0, len(b)*4/5+4)
	group, n := uint32(0), 0
	for _, c := range b {
		switch {
		case c == '~':
			return last85(out, group, n)
		case c == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
		case c >= '!' && c <= 'u':
			group, n = group*85+uint32(c-'!'), n+1
		}
		if n == 5 {
			out = append(out, byte(group>>24), byte(group>>16), byte(group>>8), byte(group))
			group, n = 0, 0
		}
	}
	return last85(out, group, n)
}

func last85(out []byte, group uint32, n int) []byte {
	if n < 2 {
		return out
	}
	for i := n; i < 5; i++ {
		group = group*85 + 84
	}
	for i := range n - 1 {
		out = append(out, byte(group>>(24-8*i)))
	}
	return out
}

func (f *pdfFile) runLength(b []byte) []byte {
	var out []byte
	for len(b) > 1 && b[0] != 128 && len(out) <= f.r.left {
		n := int(b[0])
		if n < 128 {
			end := min(len(b), n+2)
			out = append(out, b[1:end]...)
			b = b[end:]
			continue
		}
		out = append(out, bytes.Repeat(b[1:2], 257-n)...)
		b = b[2:]
	}
	return f.sized(out)
}

// predicted undoes the predictors of PNG, row by row (TIFF's is of pictures).
func (f *pdfFile) predicted(b []byte, parameter pdfValue) []byte {
	number := func(key string, otherwise int) int {
		if v := f.resolve(parameter.get(key)); v.kind == pdfNumber {
			return int(max(0, min(v.num, 1<<20)))
		}
		return otherwise
	}
	if number("Predictor", 1) < 10 || b == nil {
		return b
	}
	size := max(1, (number("Colors", 1)*number("BitsPerComponent", 8)+7)/8)
	row := max(1, (number("Colors", 1)*number("BitsPerComponent", 8)*number("Columns", 1)+7)/8)
	out := make([]byte, 0, len(b))
	above := make([]byte, min(row, len(b)+1))
	for len(b) > 1 {
		line := b[1:min(len(b), 1+row)]
		unpredict(b[0], line, above, size)
		out = append(out, line...)
		b = b[1+len(line):]
		above = line
	}
	return out
}

func unpredict(kind byte, line, above []byte, size int) {
	for i := range line {
		var left, up, corner int
		if i < len(above) {
			up = int(above[i])
		}
		if i >= size {
			left = int(line[i-size])
			if i-size < len(above) {
				corner = int(above[i-size])
			}
		}
		switch kind {
		case 1:
			line[i] += byte(left)
		case 2:
			line[i] += byte(up)
		case 3:
			line[i] += byte((left + up) / 2)
		case 4:
			line[i] += byte(paeth(left, up, corner))
		}
	}
}

func paeth(a, b, c int) int {
	p := a + b - c
	pa, pb, pc := distance(p, a), distance(p, b), distance(p, c)
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func distance(a, b int) int { return max(a-b, b-a) }
