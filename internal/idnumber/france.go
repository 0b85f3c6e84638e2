package idnumber

// FRNIR is a French social security number with its key: 15 characters with
// sex, year and month of birth, département (2A and 2B for Corsica), commune,
// order, and 97 minus the rest of the number as the key (INSEE, NIR).
func FRNIR(b []byte) bool {
	if !shaped(b, "nnnnnncnnnnnnnn") || !contains("123478", b[0]) || !nirMonth(number(b[3:5])) || string(b[10:13]) == "000" {
		return false
	}
	rest := mod97(0, b[:5])
	switch {
	case digit(b[6]):
		rest = mod97(rest, b[5:7])
	case b[5] == '2' && b[6] == 'A':
		rest = (rest*100 + 19) % 97
	case b[5] == '2' && b[6] == 'B':
		rest = (rest*100 + 18) % 97
	default:
		return false
	}
	return 97-mod97(rest, b[7:13]) == number(b[13:])
}

// nirMonth allows the codes that stand for an unknown month.
func nirMonth(m int) bool { return m >= 1 && m <= 12 || m == 20 || m >= 30 && m <= 42 || m >= 50 }

// FRSIREN is a company's number of 9 digits with Luhn's check digit (INSEE).
func FRSIREN(b []byte) bool { return digits(b, 9) && !same(b) && luhnSum(b)%10 == 0 }

// FRSIRET is an establishment's number: a SIREN and 5 digits, Luhn over all
// 14; those of La Poste (356000000) add up to a multiple of 5 instead.
func FRSIRET(b []byte) bool {
	if !digits(b, 14) || !FRSIREN(b[:9]) {
		return false
	}
	if string(b[:9]) == "356000000" {
		return weighted(b, "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")%5 == 0
	}
	return luhnSum(b)%10 == 0
}
