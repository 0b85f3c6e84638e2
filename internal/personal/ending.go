package personal

import "bytes"

// familyEndings are what family names and names after the father end in that no
// list has all of: Icelandic, Slavic, Greek, Georgian, Turkish and Lithuanian.
var familyEndings = [...]string{
	"dóttir", "dottir", "sson", "ovich", "evich", "ovitch", "evitch", "owicz", "ewicz", "ović", "ević", "ovic", "evic", "ovna", "evna", "enko",
	"chev", "shev", "tchev", "kov", "rov", "kova", "rova", "ková", "rová", "nová", "wski", "wska", "dzki", "dzka", "opoulos", "opoulou", "idis", "akis",
	"oğlu", "oglu", "shvili", "adze", "auskas", "aitis", "quist", "qvist", "gaard", "ström",
}

// familyEndingsBy are the endings by their last byte.
var familyEndingsBy = func() (by [256][]string) {
	for _, e := range familyEndings {
		last := e[len(e)-1]
		by[last] = append(by[last], e)
	}
	return by
}()

// familyEnding reports whether a word ends as family names do, and no other
// words with a capital.
func familyEnding(w []byte) bool {
	for _, e := range familyEndingsBy[w[len(w)-1]] {
		if len(w) >= len(e)+3 && bytes.HasSuffix(w, []byte(e)) {
			return true
		}
	}
	return false
}
