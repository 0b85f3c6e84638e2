package idnumber

// ATSocial is an Austrian social security number: serial, check digit, date of
// birth (the month up to 15 where a day's numbers ran out); weights 3 7 9 and
// 5 8 4 2 1 6, mod 11 (SV-Nummer, Dachverband).
func ATSocial(b []byte) bool {
	if !digits(b, 10) || b[0] == '0' {
		return false
	}
	month := number(b[6:8])
	if month < 1 || month > 15 || month <= 12 && !shortDate(number(b[8:]), month, number(b[4:6])) {
		return false
	}
	sum := weighted(b, "\x03\x07\x09") + weighted(b[4:], "\x05\x08\x04\x02\x01\x06")
	return sum%11 == value(b[3])
}

// CHAHV is a Swiss social security number: 13 digits, first 756, check digit
// of EAN-13 (BSV, AHV-Nummer).
func CHAHV(b []byte) bool {
	if !digits(b, 13) || string(b[:3]) != "756" {
		return false
	}
	return (weighted(b, "\x01\x03\x01\x03\x01\x03\x01\x03\x01\x03\x01\x03")+last(b))%10 == 0
}
