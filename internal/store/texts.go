package store

import "strings"

// texts keeps the texts of rows. Of what is the same in most it keeps one copy.
// With room it keeps the others side by side: a million specs, which go as soon as
// they are read, and names, which stay. Its zero value keeps each by itself.
type texts struct {
	specsRoom, namesRoom int // bytes that are kept side by side

	words map[string]string
	specs []byte
	names strings.Builder
}

// manyTexts is for a whole state.
func manyTexts() *texts { return &texts{specsRoom: 1 << 20, namesRoom: 4 << 10} }

// same is one of a few words.
func (in *texts) same(b []byte) string {
	if s, ok := in.words[string(b)]; ok {
		return s
	}
	if in.words == nil {
		in.words = make(map[string]string)
	}
	s := string(b)
	in.words[s] = s
	return s
}

func (in *texts) spec(text []byte) []byte {
	if len(text) > in.specsRoom/16 {
		return append(make([]byte, 0, len(text)), text...)
	}
	if cap(in.specs)-len(in.specs) < len(text) {
		in.specs = make([]byte, 0, in.specsRoom)
	}
	from := len(in.specs)
	in.specs = append(in.specs, text...)
	return in.specs[from:len(in.specs):len(in.specs)]
}

// name is cut from a text that is never moved: a Builder that does not grow
// beyond its room keeps what it has given.
func (in *texts) name(text []byte) string {
	if len(text) > in.namesRoom/16 {
		return string(text)
	}
	if in.names.Cap()-in.names.Len() < len(text) {
		in.names = strings.Builder{}
		in.names.Grow(in.namesRoom)
	}
	from := in.names.Len()
	in.names.Write(text)
	return in.names.String()[from:]
}
