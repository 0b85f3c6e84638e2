// Package document reads the text of files: what a model is given to read must
// be readable to the classifier, whatever the file calls itself.
//
// A file's kind is sniffed from its bytes, never taken from a name or from
// what a request declares. The bytes are outside bytes and trusted for
// nothing: work and memory are bounded by counting what is unpacked and
// parsed. What was not read is never passed over in silence: the reason stands
// beside the text, which may then be partial.
package document

import (
	"bytes"
	"unicode/utf8"
)

// Limits bounds the work on one file.
type Limits struct {
	Input    int // bytes of the file
	Unpacked int // bytes after decompression, all parts together
	Ratio    int // unpacked bytes for each byte of the file, once Unpacked exceeds 1 MiB
	Entries  int // members of an archive
	Pages    int // pages of a pdf
	Depth    int // nesting of elements, of values, and of files in files
}

// DefaultLimits are Bedrock's own for the file (4.5 MB for a document in
// Converse), and what ordinary documents stay far below for the rest.
var DefaultLimits = Limits{Input: 4_500_000, Unpacked: 32 << 20, Ratio: 200, Entries: 2000, Pages: 1000, Depth: 256}

// Why a file was not read in full, in the order in which they are reported:
// one reason is told, the first of those that hold.
const (
	Encrypted         = "encrypted"
	TooLarge          = "too_large"
	MalformedDocument = "malformed_document"
	UnknownFormat     = "unknown_format"
	Archive           = "archive"
	UnknownContent    = "unknown_content"
	Image             = "image"
	Audio             = "audio"
	Video             = "video"
)

var reasons = [...]string{Encrypted, TooLarge, MalformedDocument, UnknownFormat, Archive, UnknownContent, Video, Audio, Image}

// reading is one reading of a file and of the files in it.
type reading struct {
	limits Limits
	out    []byte
	aside  []byte // text that is not in the flow: deleted, instructions, comments
	left   int    // bytes that may still be unpacked
	work   int    // bytes that may still be parsed
	depth  int    // files in files
	why    map[string]bool
}

// Read returns the text of a file as UTF-8, and why there is more that is not
// in it: empty when everything was read, else one of the reasons above.
func Read(b []byte, l Limits) (text []byte, unread string) {
	if len(b) > l.Input {
		return nil, TooLarge
	}
	r := &reading{limits: l, left: allowance(len(b), l), why: make(map[string]bool)}
	r.work = 4*r.left + 4*len(b)
	r.file(b)
	return r.text(), r.reason()
}

// allowance is how much a file of n bytes may unpack to.
func allowance(n int, l Limits) int {
	return min(l.Unpacked, max(1<<20, l.Ratio*n))
}

func (r *reading) miss(why string) { r.why[why] = true }

func (r *reading) reason() string {
	for _, why := range reasons {
		if r.why[why] {
			return why
		}
	}
	return ""
}

func (r *reading) text() []byte {
	if len(r.aside) > 0 {
		r.newline()
		r.out = append(r.out, r.aside...)
	}
	if !utf8.Valid(r.out) {
		r.miss(MalformedDocument)
		return bytes.ToValidUTF8(r.out, []byte("\uFFFD"))
	}
	return r.out
}

// file reads one file by its kind. A file that begins as one kind and holds
// the mark of another is read as the first only, and said to hold more.
func (r *reading) file(b []byte) {
	head := b[:min(len(b), 1024)]
	pdf, zipped := bytes.Contains(head, []byte("%PDF-")), isZip(b)
	switch {
	case pdf && zipped:
		r.miss(UnknownContent)
		r.zip(b)
		r.pdf(b)
	case pdf && bytes.Contains(b[max(0, len(b)-1<<16):], []byte("PK\x05\x06")):
		r.miss(UnknownContent)
		r.pdf(b)
	case zipped:
		r.zip(b)
	case pdf:
		r.pdf(b)
	case bytes.HasPrefix(b, []byte("{\\rtf")):
		r.rtf(b)
	default:
		r.media(b)
	}
}

// media reads what has no structure that is known here.
func (r *reading) media(b []byte) {
	if why := magic(b); why != "" {
		r.miss(why)
		return
	}
	text, ok := plain(b)
	if !ok {
		r.miss(UnknownFormat)
	}
	if markup(text) {
		r.html(text)
		return
	}
	r.write(text)
}

// write adds text to the flow as far as there is room.
func (r *reading) write(text []byte) {
	if room := r.limits.Unpacked - len(r.out); len(text) > room {
		text = text[:max(0, room)]
		r.miss(TooLarge)
	}
	r.out = append(r.out, text...)
}

// note adds a line beside the flow.
func (r *reading) note(text []byte) {
	if len(r.aside)+len(text) > r.limits.Unpacked {
		r.miss(TooLarge)
		return
	}
	if text = bytes.TrimSpace(text); len(text) > 0 {
		r.aside = append(append(r.aside, text...), '\n')
	}
}

func (r *reading) newline() {
	if n := len(r.out); n > 0 && r.out[n-1] != '\n' {
		r.out = append(r.out, '\n')
	}
}

// spend takes n bytes of parsing from the allowance.
func (r *reading) spend(n int) bool {
	if r.work -= n; r.work < 0 {
		r.miss(TooLarge)
		return false
	}
	return true
}
