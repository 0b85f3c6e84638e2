package idnumber

// DETaxID is a Steuerliche Identifikationsnummer: 11 digits, ISO 7064 mod
// 11,10; among the first ten one digit occurs two or three times, and never
// three times in a row (§ 139b AO; BZSt, Steuer-ID).
func DETaxID(b []byte) bool {
	return digits(b, 11) && b[0] != '0' && repeatsOnce(b[:10]) && hybrid(b, 10)
}

func repeatsOnce(b []byte) bool {
	var seen [10]int
	for i, c := range b {
		seen[c-'0']++
		if i > 1 && c == b[i-1] && c == b[i-2] {
			return false
		}
	}
	repeated := 0
	for _, n := range seen {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return repeated == 1
}

// DESocial is a Versicherungsnummer of the pension insurance: 12 characters
// with area, date of birth (the day may have 50 added), initial and serial
// (VKVV § 2; § 147 SGB VI).
func DESocial(b []byte) bool {
	if !shaped(b, "nnnnnnnnannn") {
		return false
	}
	day, month := number(b[2:4]), number(b[4:6])
	if day > 50 {
		day -= 50
	}
	if !shortDate(number(b[6:8]), month, day) {
		return false
	}
	letter := int(b[8]-'A') + 1
	sum := crossed(b[:8], "\x02\x01\x02\x05\x07\x01\x02\x01") + cross(letter/10*2) + letter%10 + crossed(b[9:11], "\x02\x01")
	return sum%10 == last(b)
}

// DEHealth is the unchanging part of a Krankenversichertennummer: a letter, 8
// digits and a check digit (§ 290 SGB V; the letter counts two digits).
func DEHealth(b []byte) bool {
	if !shaped(b, "annnnnnnnn") {
		return false
	}
	letter := int(b[0]-'A') + 1
	sum := letter/10 + cross(letter%10*2) + crossed(b[1:9], "\x01\x02\x01\x02\x01\x02\x01\x02")
	return sum%10 == last(b)
}

// DEPhysician is a lebenslange Arztnummer: 6 digits, a check digit by the
// weights 4 9, and a group of specialists of two digits (KBV, Arztnummern).
func DEPhysician(b []byte) bool {
	if !digits(b, 9) || same(b[:6]) && b[0] == '0' {
		return false
	}
	return (weighted(b[:6], "\x04\x09\x04\x09\x04\x09")+value(b[6]))%10 == 0
}

// DEIDCard is the serial number of an identity card or passport: 9 characters
// without vowels and with few letters, and as a tenth the check digit of ICAO
// Doc 9303 where it is written. Nine characters are never checked.
func DEIDCard(b []byte) (ok, checked bool) {
	if len(b) != 9 && len(b) != 10 || !contains("CFGHJKLMNPRTVWXYZ", b[0]) {
		return false, false
	}
	for _, c := range b[1:9] {
		if !digit(c) && !contains("CFGHJKLMNPRTVWXYZ", c) {
			return false, false
		}
	}
	if len(b) == 9 {
		return true, false
	}
	ok = digit(b[9]) && weighted(b[:9], "\x07\x03\x01\x07\x03\x01\x07\x03\x01")%10 == last(b)
	return ok, ok
}

// DEPassport is a passport's number of eight characters in the letters of
// DEIDCard, with the check digit of ICAO Doc 9303 as its ninth.
func DEPassport(b []byte) bool {
	if len(b) != 9 || !digit(b[8]) {
		return false
	}
	ok, _ := DEIDCard(b)
	return ok && weighted(b, "\x07\x03\x01\x07\x03\x01\x07\x03")%10 == last(b)
}

// DEVAT is an Umsatzsteuer-Identifikationsnummer without DE: 9 digits, ISO
// 7064 mod 11,10.
func DEVAT(b []byte) bool { return digits(b, 9) && b[0] != '0' && hybrid(b, 10) }
