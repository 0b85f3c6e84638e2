package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

func isZip(b []byte) bool {
	return bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06"))
}

// part is one unpacked member of an office document.
type part struct {
	name string
	data []byte
}

// filesInFiles is how deep documents may be embedded in documents.
const filesInFiles = 3

// zip reads an office document: OOXML (ISO/IEC 29500) or OpenDocument (ISO/IEC
// 26300). Other archives are not read.
func (r *reading) zip(b []byte) {
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		r.miss(MalformedDocument)
		return
	}
	if !office(archive) {
		r.miss(Archive)
		return
	}
	if len(archive.File) > r.limits.Entries {
		r.miss(TooLarge)
	}
	r.parts(r.unpack(archive.File[:min(len(archive.File), r.limits.Entries)]))
}

func office(archive *zip.Reader) bool {
	for _, f := range archive.File {
		if f.Name == "[Content_Types].xml" || f.Name == "mimetype" {
			return true
		}
	}
	return false
}

func (r *reading) unpack(files []*zip.File) []part {
	parts := make([]part, 0, len(files))
	for _, f := range files {
		switch {
		case strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0, unshown(f.Name):
		case f.Flags&1 != 0:
			r.miss(Encrypted)
		default:
			parts = append(parts, part{f.Name, r.member(f)})
		}
	}
	return parts
}

// unshown are members that a reader of the document does not get to see: the
// small picture of its first page and the settings of a printer.
func unshown(name string) bool {
	return strings.HasPrefix(name, "docProps/thumbnail.") || strings.HasPrefix(name, "Thumbnails/") || strings.Contains(name, "/printerSettings/")
}

// member unpacks as much as may still be unpacked.
func (r *reading) member(f *zip.File) []byte {
	in, err := f.Open()
	if err != nil {
		r.miss(UnknownContent)
		return nil
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, int64(r.left)+1))
	if len(data) > r.left {
		data = data[:r.left]
		r.miss(TooLarge)
	}
	r.left -= len(data)
	if err != nil && !errors.Is(err, io.EOF) {
		r.miss(MalformedDocument)
	}
	return data
}

// parts reads the strings and styles that cells refer to before the cells.
func (r *reading) parts(parts []part) {
	book := workbook{}
	for _, p := range parts {
		if isXML(p) {
			book.learn(r, p)
		}
	}
	for _, p := range parts {
		r.part(p, &book)
	}
	r.strings(&book)
}

// isXML goes by the name of a part or by what it is: a part may have any name.
func isXML(p part) bool {
	switch strings.ToLower(path.Ext(p.name)) {
	case ".xml", ".rels", ".vml", ".rdf", ".xhtml", ".opf", ".ncx":
		return true
	}
	head, _ := plain(p.data[:min(len(p.data), 64)])
	return bytes.HasPrefix(bytes.TrimSpace(head), []byte("<?xml"))
}

func (r *reading) part(p part, book *workbook) {
	switch {
	case len(p.data) == 0, p.name == "mimetype":
	case bytes.Contains(p.data, []byte("encryption-data")) && p.name == "META-INF/manifest.xml":
		r.miss(Encrypted)
	case isXML(p):
		r.newline()
		r.xml(p, book)
	default:
		r.embedded(p.data)
	}
}

// embedded reads a file in a file.
func (r *reading) embedded(b []byte) {
	why := magic(b)
	_, ok := plain(b)
	switch {
	case why == Image || why == Audio || why == Video || why == Encrypted:
		r.miss(why)
	case why != "" || r.depth >= filesInFiles:
		r.miss(UnknownContent)
	case isZip(b) || bytes.HasPrefix(b, []byte("%PDF-")) || ok:
		r.depth++
		r.newline()
		r.file(b)
		r.depth--
	default:
		r.miss(UnknownContent)
	}
}
