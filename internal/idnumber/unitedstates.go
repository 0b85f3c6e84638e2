package idnumber

// SSN is a US social security number of 9 digits in the ranges that the Social
// Security Administration may assign (https://www.ssa.gov/employer/randomization.html):
// no area 000, 666 or 9xx, no group 00, no serial 0000. It has no check digit.
func SSN(b []byte) bool {
	return digits(b, 9) && b[0] != '9' && string(b[:3]) != "000" && string(b[:3]) != "666" &&
		string(b[3:5]) != "00" && string(b[5:]) != "0000"
}

// ITIN is an individual taxpayer identification number: 9 digits, first 9,
// fourth and fifth in the ranges of IRS publication 1915.
func ITIN(b []byte) bool {
	if !digits(b, 9) || b[0] != '9' {
		return false
	}
	g := number(b[3:5])
	return g >= 50 && g <= 65 || g >= 70 && g <= 88 || g >= 90 && g <= 92 || g >= 94
}

// EIN is an employer identification number: 9 digits with a campus prefix that
// the IRS has assigned (https://www.irs.gov/businesses/small-businesses-self-employed/how-eins-are-assigned-and-valid-ein-prefixes).
func EIN(b []byte) bool {
	if !digits(b, 9) {
		return false
	}
	switch number(b[:2]) {
	case 0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97:
		return false
	}
	return true
}

// ABARouting is a bank routing number: 9 digits, a Federal Reserve prefix and
// the weights 3 7 1 (American Bankers Association, Routing Number Policy).
func ABARouting(b []byte) bool {
	if !digits(b, 9) || same(b) {
		return false
	}
	p := number(b[:2])
	known := p <= 12 || p >= 21 && p <= 32 || p >= 61 && p <= 72 || p == 80
	return known && weighted(b, "\x03\x07\x01\x03\x07\x01\x03\x07\x01")%10 == 0
}

// MBI is a Medicare beneficiary identifier of 11 characters (CMS, Understanding
// the MBI format). It has no check digit; its letters are never S L O I B Z.
func MBI(b []byte) bool {
	if !shaped(b, "nacnacnaann") || b[0] == '0' {
		return false
	}
	for _, c := range b {
		if contains("SLOIBZ", c) {
			return false
		}
	}
	return true
}

// NPI is a national provider identifier: 10 digits, first 1 or 2, Luhn with
// the prefix 80840 (45 CFR 162.406), which adds 24 to the sum.
func NPI(b []byte) bool {
	return digits(b, 10) && (b[0] == '1' || b[0] == '2') && (luhnSum(b)+24)%10 == 0
}

// DEA is a Drug Enforcement Administration number: registrant type, a letter
// or 9, then 7 digits of which the last is the check digit.
func DEA(b []byte) bool {
	if len(b) != 9 || !contains("ABCDEFGHJKLMPRSTUX", b[0]) || !upper(b[1]) && b[1] != '9' || !digits(b[2:], 7) {
		return false
	}
	return weighted(b[2:8], "\x01\x02\x01\x02\x01\x02")%10 == last(b)
}
