package idnumber

// BIC is a business identifier code of 8 or 11 characters (ISO 9362): party,
// country, place, branch. It has no check digit.
func BIC(b []byte) bool {
	return (shaped(b, "aaaaaacc") || shaped(b, "aaaaaaccccc")) && Country(b[4:6])
}

// ISIN is a security's number: country or X, 9 characters and Luhn's check
// digit over the digits and two-digit letters (ISO 6166).
func ISIN(b []byte) bool {
	if !shaped(b, "aacccccccccn") || !Country(b[:2]) && b[0] != 'X' && string(b[:2]) != "EU" {
		return false
	}
	sum, double := 0, false
	for i := len(b) - 1; i >= 0; i-- {
		v := value(b[i])
		sum, double = sum+luhnDigit(v%10, double), !double
		if v > 9 {
			sum, double = sum+luhnDigit(v/10, double), !double
		}
	}
	return sum%10 == 0
}

func luhnDigit(d int, double bool) int {
	if double {
		return cross(2 * d)
	}
	return d
}

// LEI is a legal entity identifier: 20 characters, mod 97-10 (ISO 17442).
func LEI(b []byte) bool { return shaped(b, "ccccccccccccccccccnn") && !same(b) && Mod97(b) }
