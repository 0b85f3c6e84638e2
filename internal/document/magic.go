package document

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// magics are the first bytes of kinds of which no text is read.
var magics = []struct{ start, why string }{
	{"\x89PNG\r\n\x1a\n", Image}, {"\xff\xd8\xff", Image}, {"GIF87a", Image}, {"GIF89a", Image}, {"II*\x00", Image}, {"MM\x00*", Image},
	{"II+\x00", Image}, {"MM\x00+", Image}, {"8BPS", Image}, {"\x00\x00\x01\x00", Image}, {"\x00\x00\x00\x0cjP  ", Image}, {"\xff\x0a", Image}, {"\x00\x00\x00\x0cJXL ", Image},
	{"\xffO\xffQ", Image}, {"ID3", Audio}, {"fLaC", Audio}, {"OggS", Audio}, {"MThd", Audio}, {"\xff\xfb", Audio}, {"\xff\xf3", Audio}, {"\xff\xf2", Audio},
	{"\xff\xf1", Audio}, {"\xff\xf9", Audio}, {"#!AMR", Audio}, {".snd", Audio}, {"\x1aE\xdf\xa3", Video}, {"FLV\x01", Video}, {"\x00\x00\x01\xba", Video},
	{"\x00\x00\x01\xb3", Video}, {"0&\xb2u\x8ef\xcf\x11", Video}, {"\x1f\x8b", Archive}, {"BZh", Archive}, {"\xfd7zXZ\x00", Archive}, {"7z\xbc\xaf'\x1c", Archive},
	{"Rar!\x1a\x07", Archive}, {"(\xb5/\xfd", Archive}, {"\x04\"M\x18", Archive}, {"!<arch>\n", Archive}, {"\x7fELF", UnknownFormat},
	{"SQLite format 3\x00", UnknownFormat}, {"PAR1", UnknownFormat}, {"ORC", UnknownFormat}, {"Obj\x01", UnknownFormat},
}

// textual starts could be the start of a text: they count only where the rest
// of the file is no text.
func textual(start string) bool {
	for _, c := range []byte(start) {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// magic names the reason why a file has no text to read, or is empty.
func magic(b []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.start)) && !(textual(m.start) && isText(b)) {
			return m.why
		}
	}
	switch {
	case bytes.HasPrefix(b, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return compound(b)
	case len(b) > 12 && (string(b[:4]) == "RIFF" || string(b[:4]) == "FORM"):
		return riff(string(b[8:12]))
	case len(b) > 12 && string(b[4:8]) == "ftyp":
		return movie(string(b[8:12]))
	case len(b) > 262 && string(b[257:262]) == "ustar" && !isText(b):
		return Archive
	case len(b) > 14 && string(b[:2]) == "BM" && !isText(b):
		return Image
	}
	return ""
}

func riff(kind string) string {
	switch kind {
	case "WEBP":
		return Image
	case "WAVE", "AIFF", "AIFC":
		return Audio
	case "AVI ":
		return Video
	}
	return ""
}

func movie(brand string) string {
	switch brand {
	case "heic", "heix", "hevc", "mif1", "msf1", "avif", "avis":
		return Image
	case "M4A ", "M4B ", "M4P ":
		return Audio
	}
	return Video
}

// compound is for OLE containers: encrypted office documents, or the binary
// formats of before 2007.
func compound(b []byte) string {
	name := utf16.Encode([]rune("EncryptedPackage"))
	wide := make([]byte, 0, 2*len(name))
	for _, u := range name {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	if bytes.Contains(b, wide) {
		return Encrypted
	}
	return UnknownFormat
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// plain decodes text: UTF-8, or UTF-16 with its mark. Other text of one byte a
// character is read as Latin-1, which is a guess, so ok is false; so it is for
// what is no text at all.
func plain(b []byte) (text []byte, ok bool) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")) && !bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")):
		return wide(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return wide(b[2:], binary.BigEndian)
	}
	if isText(b) {
		return b, true
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, false
	}
	return latin(b), false
}

func wide(b []byte, order binary.ByteOrder) ([]byte, bool) {
	out := make([]byte, 0, len(b))
	ok := len(b)%2 == 0
	for i := 0; i+1 < len(b); i += 2 {
		c := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(c) && i+3 < len(b) {
			if pair := utf16.DecodeRune(c, rune(order.Uint16(b[i+2:]))); pair != utf8.RuneError {
				c = pair
				i += 2
			}
		}
		ok = ok && !utf16.IsSurrogate(c)
		out = utf8.AppendRune(out, c)
	}
	return out, ok
}

func latin(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, winAnsi(c))
	}
	return out
}

// windows1252 is what Windows code page 1252 has at 0x80–0x9f.
var windows1252 = [32]rune{'€', 0xfffd, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0xfffd, 'Ž', 0xfffd,
	0xfffd, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0xfffd, 'ž', 'Ÿ'}

func winAnsi(c byte) rune {
	if c >= 0x80 && c < 0xa0 {
		return windows1252[c-0x80]
	}
	return rune(c)
}
