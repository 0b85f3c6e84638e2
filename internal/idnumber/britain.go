package idnumber

// NHS is a number of the National Health Service: 10 digits, weights 10 to 2,
// mod 11 (NHS Data Dictionary, NHS number).
func NHS(b []byte) bool {
	if !digits(b, 10) || same(b) {
		return false
	}
	return (weighted(b, "\x0a\x09\x08\x07\x06\x05\x04\x03\x02")+last(b))%11 == 0
}

// NINO is a national insurance number with its suffix: 9 characters, prefixes
// as HMRC's manual NIM39110 allows them. It has no check digit.
func NINO(b []byte) bool {
	if !shaped(b, "aannnnnna") || contains("DFIQUV", b[0]) || contains("DFIOQUV", b[1]) || b[8] > 'D' {
		return false
	}
	switch string(b[:2]) {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return false
	}
	return true
}

// UTR is a unique taxpayer reference: 10 digits, the first one the check digit
// of the others.
func UTR(b []byte) bool {
	if !digits(b, 10) || same(b) {
		return false
	}
	sum := weighted(b[1:], "\x06\x07\x08\x09\x0a\x05\x04\x03\x02")
	return "21987654321"[sum%11] == b[0]
}

// UKDriver is a driver number of the DVLA: 16 characters with the surname, the
// date of birth (the month plus 50 for women), initials and a computed tail
// whose rule is not published.
func UKDriver(b []byte) bool {
	if !shaped(b, "cccccnnnnnnccnaa") && !shaped(b, "cccccnnnnnnccaaa") || !surname(b[:5]) || !initials(b[11:13]) {
		return false
	}
	month := number(b[6:8])
	if month > 50 {
		month -= 50
	}
	return shortDate(value(b[5])*10+value(b[10]), month, number(b[8:10]))
}

// surname is letters padded with nines.
func surname(b []byte) bool {
	padded := false
	for _, c := range b {
		padded = padded || c == '9'
		if padded != (c == '9') || !padded && !upper(c) {
			return false
		}
	}
	return upper(b[0])
}

func initials(b []byte) bool {
	return (upper(b[0]) || b[0] == '9') && (upper(b[1]) || b[1] == '9') && (b[0] != '9' || b[1] == '9')
}

// UKVAT is a VAT registration number of 9 digits without GB: weights 8 to 2,
// mod 97; from 100 on the sum may be 55 more or less (HMRC).
func UKVAT(b []byte) bool {
	if !digits(b, 9) || same(b) {
		return false
	}
	rest := (weighted(b, "\x08\x07\x06\x05\x04\x03\x02") + number(b[7:])) % 97
	return rest == 0 || number(b[:3]) >= 100 && (rest == 42 || rest == 55)
}

// IEPPS is an Irish personal public service number: 7 digits, a check letter
// by mod 23, and perhaps a second letter, which counts with weight 9 where it is
// A or H and not at all where it is one of the older W, T and X.
func IEPPS(b []byte) bool {
	if !shaped(b, "nnnnnnna") && (!shaped(b, "nnnnnnnaa") || !contains("AHWTX", b[8])) {
		return false
	}
	sum := weighted(b[:7], "\x08\x07\x06\x05\x04\x03\x02")
	if len(b) == 9 && b[8] <= 'H' {
		sum += 9 * (int(b[8]-'A') + 1)
	}
	return "WABCDEFGHIJKLMNOPQRSTUV"[sum%23] == b[7]
}
