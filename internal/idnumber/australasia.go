package idnumber

// TFN is an Australian tax file number: 9 digits, weights 1 4 3 7 5 8 6 9 10,
// a multiple of 11 (ATO).
func TFN(b []byte) bool {
	return digits(b, 9) && !same(b) && weighted(b, "\x01\x04\x03\x07\x05\x08\x06\x09\x0a")%11 == 0
}

// ABN is an Australian business number: 11 digits; one less in the first, the
// weights 10 1 3 5 … 19 make a multiple of 89 (Australian Business Register).
func ABN(b []byte) bool {
	return digits(b, 11) && b[0] != '0' && (weighted(b, "\x0a\x01\x03\x05\x07\x09\x0b\x0d\x0f\x11\x13")-10)%89 == 0
}

// ACN is an Australian company number: 9 digits, weights 8 to 1, mod 10 (ASIC).
func ACN(b []byte) bool {
	return digits(b, 9) && !same(b) && (weighted(b, "\x08\x07\x06\x05\x04\x03\x02\x01")+last(b))%10 == 0
}

// AUMedicare is the number of an Australian Medicare card: 8 digits, first
// 2–6, a check digit, the issue of the card, and perhaps the reference number
// of the person (Services Australia).
func AUMedicare(b []byte) bool {
	if len(b) != 10 && len(b) != 11 || !digits(b, len(b)) || b[0] < '2' || b[0] > '6' || b[9] == '0' {
		return false
	}
	return weighted(b[:8], "\x01\x03\x07\x09\x01\x03\x07\x09")%10 == value(b[8])
}

// NZIRD is a New Zealand tax number, 8 or 9 digits, mod 11 with a second set
// of weights where the first gives 10 (Inland Revenue, RWT and NRWT specification).
func NZIRD(b []byte) bool {
	if len(b) != 8 && len(b) != 9 || !digits(b, len(b)) || number(b) < 10_000_000 || number(b) > 150_000_000 {
		return false
	}
	n := b[:len(b)-1]
	first, second := "\x03\x02\x07\x06\x05\x04\x03\x02", "\x07\x04\x03\x02\x05\x02\x07\x06"
	if len(n) == 7 {
		first, second = first[1:], second[1:]
	}
	check := (11 - weighted(n, first)%11) % 11
	if check == 10 {
		check = (11 - weighted(n, second)%11) % 11
	}
	return check == last(b)
}
