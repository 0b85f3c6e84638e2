package idnumber

// SIN is a Canadian social insurance number: 9 digits with Luhn's check digit,
// first not 8 (Service Canada). A leading 0 is never issued but is what
// printed examples have, so it passes.
func SIN(b []byte) bool {
	return digits(b, 9) && b[0] != '8' && !same(b) && luhnSum(b)%10 == 0
}

// CAHealth is a number of a provincial health insurance: Ontario (10 digits,
// Luhn), British Columbia (10 digits, first 9, mod 11), or the shape of
// Québec's 12 characters, which checks no digit but a date of birth.
func CAHealth(b []byte) (ok, checked bool) {
	switch len(b) {
	case 10:
		ok = digits(b, 10) && !same(b) && (b[0] != '0' && luhnSum(b)%10 == 0 || phn(b))
		return ok, ok
	case 12:
		return ramq(b), false
	}
	return false, false
}

// phn is British Columbia's personal health number.
func phn(b []byte) bool {
	check := 11 - weighted(b[1:9], "\x02\x04\x08\x05\x0a\x09\x07\x03")%11
	return b[0] == '9' && check == last(b)
}

// ramq has the month plus 50 for women.
func ramq(b []byte) bool {
	if !shaped(b, "aaaannnnnnnn") {
		return false
	}
	month := number(b[6:8])
	if month > 50 {
		month -= 50
	}
	return shortDate(number(b[4:6]), month, number(b[8:10]))
}
