// Package idnumber knows the numbers that issuers give to people, accounts and
// things: their shape, their ranges and their check digits. It looks at one
// candidate at a time and never searches; who searches and what a match is
// worth beside its context is the business of package identifier.
//
// Every function takes bare characters: ASCII digits and upper-case letters
// without separators, unless it says otherwise. Anything else, and any other
// length, is simply not such a number. The input is trusted for nothing, and
// nothing here allocates.
//
// Where a number has no check digit, or some of its holders have one without,
// the function returns two values: ok for the shape and the ranges, checked
// for a check digit that holds.
package idnumber

// digits reports whether b is n ASCII digits.
func digits(b []byte, n int) bool {
	if len(b) != n {
		return false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func alnum(c byte) bool { return digit(c) || upper(c) }

// shaped reports whether b has the shape: n a digit, a a letter, c either,
// anything else itself.
func shaped(b []byte, shape string) bool {
	if len(b) != len(shape) {
		return false
	}
	for i, c := range b {
		if !fits(c, shape[i]) {
			return false
		}
	}
	return true
}

func fits(c, shape byte) bool {
	switch shape {
	case 'n':
		return digit(c)
	case 'a':
		return upper(c)
	case 'c':
		return alnum(c)
	}
	return c == shape
}

// number is the value of at most 18 digits; what is no digit counts as none.
func number(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + value(c)
	}
	return n
}

// value is what a digit or letter counts in ISO 7064: 0–9, then A is 10.
func value(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case upper(c):
		return int(c-'A') + 10
	}
	return 0
}

// same reports whether all bytes are equal: such numbers pass many checks and
// are nobody's.
func same(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// monthDays has February's leap day; date looks at the year.
var monthDays = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// date reports whether the day exists in the Gregorian calendar.
func date(year, month, day int) bool {
	if month < 1 || month > 12 || day < 1 || day > monthDays[month] {
		return false
	}
	leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
	return month != 2 || day < 29 || leap
}

// shortDate is date for a year of two digits whose century is not known.
func shortDate(year, month, day int) bool {
	return date(1900+year, month, day) || date(2000+year, month, day)
}

func contains(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}
