package plaintext

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// The bounds of a name: longer ones are sentences.
const (
	maxName  = 48
	maxWords = 6
	noName   = -1

	fewNames  = 16
	manyNames = 512
)

// intern returns the number of the name that raw spells, or noName if raw is
// none: no letter, too long, too many words.
func (r *Reader) intern(raw []byte) int {
	if len(raw) < 2 || len(raw) > 2*maxName {
		return noName
	}
	s := &r.spellings[(len(raw)*7+int(raw[0])+int(raw[len(raw)/2])*3+int(raw[len(raw)-1])*5)%len(r.spellings)]
	if bytes.Equal(s.raw, raw) {
		return s.name
	}
	var buf [maxName + 2*utf8.UTFMax]byte
	name := canonical(buf[:0], raw)
	if len(name) == 0 {
		return noName
	}
	*s = spelling{raw, r.number(name)}
	return s.name
}

// spelling is a name as the text has it. Columns and members come again and
// again; known by their spelling, they need not be made canonical each time.
type spelling struct {
	raw  []byte
	name int
}

// number is the number of a canonical name. Few names are looked through, many
// have an index.
func (r *Reader) number(name []byte) int {
	if len(r.names) > fewNames {
		if n, ok := r.index[string(name)]; ok {
			return n
		}
	} else if n := slices.IndexFunc(r.names, func(s string) bool { return s == string(name) }); n >= 0 {
		return n
	}
	r.names = append(r.names, string(name))
	r.extendIndex()
	return len(r.names) - 1
}

// extendIndex adds the last name to the index, and all before it to a new one.
func (r *Reader) extendIndex() {
	n := len(r.names)
	switch {
	case n <= fewNames:
		return
	case r.index == nil:
		r.index = make(map[string]int, 2*n)
	}
	if n > fewNames+1 {
		r.index[r.names[n-1]] = n - 1
		return
	}
	for i, name := range r.names {
		r.index[name] = i
	}
}

// forget lets go of the text, and of an index so large that to empty it would
// cost the next text more than to do without.
func (r *Reader) forget() {
	r.b = nil
	if len(r.names) > 0 {
		clear(r.spellings[:])
	}
	if len(r.names) > manyNames {
		r.index = nil
	} else if len(r.names) > fewNames {
		clear(r.index)
	}
}

// Name is the canonical form of a member's or column's name, as Fields has it;
// empty for what is no name.
func Name(spelt string) string {
	var buf [maxName + 2*utf8.UTFMax]byte
	return string(canonical(buf[:0], []byte(spelt)))
}

// canonical appends the canonical form of a name to dst: words in lower case
// with one space between, whether they were written apart, in camelCase, with
// underscores or hyphens. It returns nothing for what is no name.
func canonical(dst, raw []byte) []byte {
	if len(raw) > 2*maxName {
		return nil
	}
	words, letters, gap := 0, 0, true
	var before rune
	for i := 0; i < len(raw); {
		if lower := raw[i] | 0x20; !gap && isLetter(raw[i]) && lower == raw[i] && len(dst) < maxName {
			dst, before = append(dst, lower), rune(lower)
			letters, i = letters+1, i+1
			continue
		}
		c, size := rune(raw[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(raw[i:])
		}
		i += size
		if c == '\'' && i < len(raw) && isLetter(raw[i]) && !gap {
			continue // driver's
		}
		if !isWordRune(c) {
			gap, before = true, 0
			continue
		}
		if gap || humps(before, c, raw[i:]) {
			if words++; words > maxWords {
				return nil
			}
			if len(dst) > 0 {
				dst = append(dst, ' ')
			}
		}
		gap, before = false, c
		if !isDigitRune(c) {
			letters++
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(c))
		if len(dst) > maxName {
			return nil
		}
	}
	if letters == 0 || len(dst) < 2 {
		return nil
	}
	return dst
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isAlnum(byte(r))
	}
	return unicode.IsLetter(r) || isMark(r)
}

func isDigitRune(r rune) bool { return r >= '0' && r <= '9' }

// humps reports whether a word of a camelCase name begins at c.
func humps(before, c rune, rest []byte) bool {
	if c < 'A' || c > 'Z' || before == 0 {
		return false
	}
	if before > unicode.MaxASCII && unicode.IsUpper(before) {
		return false
	}
	if before < 'A' || before > 'Z' {
		return true
	}
	return len(rest) > 1 && isLower(rest[0]) && isLower(rest[1]) // the N of SSNNumber
}

func isLower(c byte) bool { return c-'a' < 26 }

// qualifies reports whether a word goes before others in a label ("date of
// birth", "account number"), so that a label in the middle of a line is not cut
// short.
func qualifies(word []byte) bool {
	var buf [16]byte
	if len(word) > len(buf) {
		return false
	}
	for i, c := range word {
		buf[i] = c
		if c >= 'A' && c <= 'Z' {
			buf[i] = c | 0x20
		}
	}
	switch string(buf[:len(word)]) {
	case "account", "bank", "birth", "card", "cell", "contact", "credit", "customer", "date", "debit", "driver", "driver's", "drivers",
		"email", "e-mail", "emergency", "employee", "employer", "expiration", "expiry", "family", "first", "full", "given", "group",
		"health", "home", "id", "identity", "insurance", "ip", "last", "legal", "license", "licence", "mac", "mailing", "maiden",
		"medical", "medicare", "member", "middle", "mobile", "national", "of", "office", "passport", "patient", "personal", "phone",
		"pin", "policy", "postal", "primary", "record", "routing", "security", "sir", "social", "sort", "state", "street", "swift",
		"tax", "tel", "telephone", "user", "vehicle", "wire", "work", "zip":
		return true
	case "apellido", "código", "data", "date-of", "datum", "de", "del", "di", "dirección", "do", "domicilio", "fecha", "lugar", "nombre",
		"número", "numéro", "nom", "nome", "numer", "numero", "segundo", "seguridad", "tarjeta", "téléphone", "teléfono", "país",
		"personnummer", "steuer", "straße", "vor", "nach", "carte", "adresse", "lieu", "luogo", "fiscale", "codice", "cartão":
		return true
	}
	return false
}
