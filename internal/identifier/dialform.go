package identifier

import "bytes"

// What else groups of digits may be that look like a telephone number.

// plainNumber reports whether a cue announces any number.
func plainNumber(cue string) bool {
	return cue == "number" || cue == "numbers" || cue == "number is" || cue == "numer"
}

// otherwise reports whether the groups are those of something else, which no
// country writes its numbers in: an SSN (3-2-4), or a ZIP+4 or CEP (5-4, 5-3).
func (d *dial) otherwise() bool {
	if d.plus || d.parens || d.seps[1] != d.g-1 {
		return false
	}
	g := d.groups
	if d.g == 2 && g[0] == 4 && g[1] == 4 && plausibleYear(number(d.digits[4:8])) {
		return true // a standard and its year
	}
	return d.g == 3 && g[0] == 3 && g[1] == 2 && g[2] == 4 || d.g == 2 && g[0] == 5 && (g[1] == 4 || g[1] == 3)
}

// decimal reports whether the groups are numbers of a table or of code: a fraction
// (0.9060, 42.0), a nought by itself, or all digits in order.
func (d *dial) decimal(b []byte) bool {
	switch {
	case d.plus:
		return false
	case d.g > 1 && d.groups[0] == 1 && d.digits[0] == '0' && (b[d.start+1] == '.' || b[d.start+1] == ' '):
		return true
	case d.g == 2 && d.groups[1] == 1 && b[d.end-2] == '.':
		return true
	}
	return d.n == 10 && string(d.digits[:10]) == "0123456789"
}

// abroad reports whether a number has its country code, which no order or ticket
// has.
func (d *dial) abroad() bool { return d.plus && d.n >= 10 }

// date reports whether the groups are a date or a range of years.
func (d *dial) date(b []byte) bool {
	if d.plus || d.parens && bytes.IndexByte(b[d.start:d.end], ')') >= 0 || d.g > 4 {
		return false
	}
	g := d.groups
	switch {
	case d.g >= 3 && g[0] == 4 && g[1] <= 2 && g[2] <= 2:
		return plausibleYear(number(d.digits[:4])) && d.n != 9
	case d.g >= 3 && g[0] <= 2 && g[1] <= 2 && g[2] == 4:
		v := g[0] + g[1]
		return plausibleYear(number(d.digits[v:v+4])) && d.seps[0] < 2
	case d.g == 2 && g[0] == 4 && g[1] == 4:
		return plausibleYear(number(d.digits[:4])) && plausibleYear(number(d.digits[4:8]))
	}
	return false
}
