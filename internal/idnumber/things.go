package idnumber

// VIN is a vehicle identification number of 17 characters without I, O and Q
// (ISO 3779). The check digit in the ninth place binds North American makers
// only (49 CFR 565.15); the last four places are digits everywhere.
func VIN(b []byte) (ok, checked bool) {
	if len(b) != 17 || !digits(b[13:], 4) || same(b) {
		return false, false
	}
	const weights = "\x08\x07\x06\x05\x04\x03\x02\x0a\x00\x09\x08\x07\x06\x05\x04\x03\x02"
	sum, letters := 0, 0
	for i, c := range b {
		v := vinValue(c)
		if v < 0 {
			return false, false
		}
		if !digit(c) {
			letters++
		}
		sum += v * int(weights[i])
	}
	return letters > 0, letters > 0 && "0123456789X"[sum%11] == b[8]
}

func vinValue(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c < 'A' || c > 'Z' || c == 'I' || c == 'O' || c == 'Q':
		return -1
	}
	return int("12345678.12345.7.923456789"[c-'A'] - '0')
}

// IMEI is a mobile device's number: 15 digits with Luhn's check digit (3GPP TS
// 23.003 annex B).
func IMEI(b []byte) bool { return digits(b, 15) && !same(b) && luhnSum(b)%10 == 0 }

// ICD10 is the shape of a diagnosis code of the WHO or of ICD-10-CM: a letter,
// a digit, a digit or A, B, C, and up to four more after a point, which may be
// left out.
func ICD10(b []byte) bool {
	if len(b) < 3 || !upper(b[0]) || !digit(b[1]) || !digit(b[2]) && !contains("ABC", b[2]) {
		return false
	}
	rest := b[3:]
	if len(rest) > 1 && rest[0] == '.' {
		rest = rest[1:]
	}
	return len(rest) <= 4 && allAlnum(rest)
}
