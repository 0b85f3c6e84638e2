package idnumber

// MyNumber is a Japanese individual number: 12 digits, weights 6 5 4 3 2 7 6 5
// 4 3 2, mod 11 (Ordinance 85/2014 of the Ministry of Internal Affairs).
func MyNumber(b []byte) bool {
	return digits(b, 12) && !same(b) && eleven(weighted(b, "\x06\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02")) == last(b)
}

// RRN is a Korean resident registration number: 13 digits with date of birth,
// century and sex. Those given since October 2020 are random after the sex and
// have no check digit, so checked says whether the old one holds.
func RRN(b []byte) (ok, checked bool) {
	if !digits(b, 13) || contains("5678", b[6]) || !krDate(b) {
		return false, false
	}
	return true, (11-krSum(b)%11)%10 == last(b)
}

// FRN is a Korean foreigner's registration number: as RRN, the century and sex
// from 5 to 8.
func FRN(b []byte) (ok, checked bool) {
	if !digits(b, 13) || !contains("5678", b[6]) || !krDate(b) {
		return false, false
	}
	return true, (13-krSum(b)%11)%10 == last(b)
}

func krSum(b []byte) int { return weighted(b, "\x02\x03\x04\x05\x06\x07\x08\x09\x02\x03\x04\x05") }

func krDate(b []byte) bool {
	century := [10]int{1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800}[value(b[6])]
	return date(century+number(b[:2]), number(b[2:4]), number(b[4:6]))
}

// KRBusiness is a Korean business registration number: 10 digits, weights
// 1 3 7 1 3 7 1 3 5, the last product's tens counted too (National Tax Service).
func KRBusiness(b []byte) bool {
	if !digits(b, 10) || number(b[:3]) < 101 {
		return false
	}
	sum := weighted(b, "\x01\x03\x07\x01\x03\x07\x01\x03\x05") + value(b[8])*5/10
	return (sum+last(b))%10 == 0
}

// CNResident is a Chinese resident identity number: 18 characters with area,
// date of birth and a check character by ISO 7064 mod 11-2 (GB 11643-1999).
func CNResident(b []byte) bool {
	if len(b) != 18 || !digits(b[:17], 17) || !cnArea(number(b[:2])) {
		return false
	}
	year := number(b[6:10])
	return year >= 1850 && year < 2100 && date(year, number(b[10:12]), number(b[12:14])) && Mod11_2(b)
}

// cnArea knows the provinces of GB/T 2260, and 83 for residents from Taiwan.
func cnArea(p int) bool {
	switch {
	case p >= 11 && p <= 15, p >= 21 && p <= 23, p >= 31 && p <= 37, p >= 41 && p <= 46,
		p >= 50 && p <= 54, p >= 61 && p <= 65, p == 71, p == 81, p == 82, p == 83:
		return true
	}
	return false
}

// HKID is a Hong Kong identity card number: 1 or 2 letters, 6 digits, a check
// digit or A, weights 9 to 1, mod 11, a missing letter counting 36.
func HKID(b []byte) bool {
	sum := 9 * 36
	if len(b) == 9 && upper(b[0]) {
		sum, b = 9*value(b[0]), b[1:]
	}
	if !shaped(b, "annnnnnc") || upper(b[7]) && b[7] != 'A' {
		return false
	}
	return (sum+weighted(b, "\x08\x07\x06\x05\x04\x03\x02\x01"))%11 == 0
}

// twLetters is the order in which Taiwan numbers its letters, from 10 on.
const twLetters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"

// TWID is a Taiwanese identity number: a letter, 1 or 2 (8 or 9 for
// foreigners), 7 digits and a check digit.
func TWID(b []byte) bool {
	if !shaped(b, "annnnnnnnn") || !contains("1289", b[1]) {
		return false
	}
	letter := 10
	for i := range len(twLetters) {
		if twLetters[i] == b[0] {
			letter += i
		}
	}
	return (letter/10+letter%10*9+weighted(b[1:], "\x08\x07\x06\x05\x04\x03\x02\x01\x01"))%10 == 0
}
