package idnumber

// NRIC is a Singaporean identity or foreigner's number: S, T, F, G or M, 7
// digits, weights 2 7 6 5 4 3 2 and a letter (ICA; the M series since 2022).
func NRIC(b []byte) bool {
	if !shaped(b, "annnnnnna") {
		return false
	}
	sum := weighted(b[1:8], "\x02\x07\x06\x05\x04\x03\x02")
	letters := "JZIHGFEDCBA"
	switch b[0] {
	case 'S':
	case 'T':
		sum += 4
	case 'F':
		letters = "XWUTRQPNMLK"
	case 'G':
		sum, letters = sum+4, "XWUTRQPNMLK"
	case 'M':
		sum, letters = sum+3, "XWUTRQPNJLK"
	default:
		return false
	}
	return letters[sum%11] == b[8]
}

// UEN is a Singaporean unique entity number in one of its three forms: a
// business (8 digits, letter), a local company (year, 5 digits, letter), or
// others (R, S or T, year, kind, 4 digits, letter) (ACRA).
func UEN(b []byte) bool {
	switch {
	case shaped(b, "nnnnnnnna"):
		return "XMKECAWLJDB"[weighted(b, "\x0a\x04\x09\x03\x08\x02\x07\x01")%11] == b[8]
	case shaped(b, "nnnnnnnnna"):
		year := number(b[:4])
		return year >= 1800 && year < 2100 && "ZKCMDNERGWH"[weighted(b[:9], "\x0a\x08\x06\x04\x09\x07\x05\x03\x01")%11] == b[9]
	case shaped(b, "annaannnna"), shaped(b, "annacnnnna"):
		return contains("RST", b[0]) && uenOther(b)
	}
	return false
}

const uenAlphabet = "ABCDEFGHJKLMNPQRSTUVWX0123456789"

func uenOther(b []byte) bool {
	const weights = "\x04\x03\x05\x03\x0a\x02\x02\x05\x07"
	sum := 0
	for i := range len(weights) {
		at := uenValue(b[i])
		if at < 0 {
			return false
		}
		sum += at * int(weights[i])
	}
	return uenAlphabet[(sum+6)%11] == b[9]
}

func uenValue(c byte) int {
	for i := range len(uenAlphabet) {
		if uenAlphabet[i] == c {
			return i
		}
	}
	return -1
}

// THNational is a Thai identity number: 13 digits, first 1–8, then the office
// of registration, which begins with the province (TIS 1099), weights 13 to 2,
// mod 11 (Department of Provincial Administration).
func THNational(b []byte) bool {
	if !digits(b, 13) || b[0] < '1' || b[0] > '8' || !thProvince(number(b[1:3])) {
		return false
	}
	return (11-weighted(b, "\x0d\x0c\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02")%11)%10 == last(b)
}

func thProvince(p int) bool {
	switch {
	case p >= 10 && p <= 27, p >= 30 && p <= 49, p >= 50 && p <= 58, p >= 60 && p <= 67, p >= 70 && p <= 77, p >= 80 && p <= 86, p >= 90 && p <= 96:
		return true
	}
	return false
}

// PHTIN is the shape of a Philippine tax number: 9 digits, or 12 to 14 with
// the code of the branch. The Bureau publishes no check digit.
func PHTIN(b []byte) bool {
	n := len(b)
	return (n == 9 || n >= 12 && n <= 14) && digits(b, n) && number(b[:9]) > 0
}
