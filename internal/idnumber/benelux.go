package idnumber

// BSN is a Dutch burgerservicenummer: 9 digits, weights 9 to 2 and -1, a
// multiple of 11 (Wet algemene bepalingen burgerservicenummer).
func BSN(b []byte) bool {
	if !digits(b, 9) || number(b) < 1_000_000 || same(b) {
		return false
	}
	return (weighted(b, "\x09\x08\x07\x06\x05\x04\x03\x02")-last(b))%11 == 0
}

// BENational is a Belgian national number: date of birth (the month plus 20 or
// 40 in a BIS number), a serial, and 97 minus the rest of the nine digits, with
// a 2 before them for those born since 2000. Unknown dates are zero.
func BENational(b []byte) bool {
	if !digits(b, 11) {
		return false
	}
	month := number(b[2:4])
	if month >= 60 || month%20 > 12 || number(b[4:6]) > 31 || string(b[6:9]) == "000" {
		return false
	}
	n, check := number(b[:9]), number(b[9:])
	return 97-n%97 == check || 97-(2_000_000_000+n)%97 == check
}

// BEVAT is a Belgian enterprise number: 10 digits, first 0 or 1, the last two
// 97 minus the rest of the others.
func BEVAT(b []byte) bool {
	return digits(b, 10) && b[0] <= '1' && number(b[:8]) > 0 && 97-number(b[:8])%97 == number(b[8:])
}
