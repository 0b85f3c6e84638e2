package idnumber

// PESEL is a Polish personal number: 11 digits, date of birth with the century
// in the month, weights 1 3 7 9 (Act of 24 September 2010, art. 15–16).
func PESEL(b []byte) bool {
	if !digits(b, 11) || !peselDate(number(b[:2]), number(b[2:4]), number(b[4:6])) {
		return false
	}
	return (weighted(b, "\x01\x03\x07\x09\x01\x03\x07\x09\x01\x03")+last(b))%10 == 0
}

// peselDate adds 80, 0, 20, 40 or 60 to the month for 1800 to 2200.
func peselDate(year, month, day int) bool {
	century := [5]int{1900, 2000, 2100, 2200, 1800}[month/20%5]
	return date(century+year, month%20, day)
}

// NIP is a Polish tax number: 10 digits, weights 6 5 7 2 3 4 5 6 7, mod 11.
func NIP(b []byte) bool {
	return digits(b, 10) && !same(b) && weighted(b, "\x06\x05\x07\x02\x03\x04\x05\x06\x07")%11 == last(b)
}

// REGON is a number of the Polish business register, 9 or 14 digits.
func REGON(b []byte) bool {
	if len(b) == 14 {
		return digits(b, 14) && REGON(b[:9]) && weighted(b, "\x02\x04\x08\x05\x00\x09\x07\x03\x06\x01\x02\x04\x08")%11%10 == last(b)
	}
	return digits(b, 9) && !same(b) && weighted(b, "\x08\x09\x02\x03\x04\x05\x06\x07")%11%10 == last(b)
}

// PLIDCard is the number of a Polish identity card: 3 letters and 6 digits,
// the first of them the check digit by the weights 7 3 1.
func PLIDCard(b []byte) bool {
	return shaped(b, "aaannnnnn") &&
		(weighted(b, "\x07\x03\x01")+weighted(b[4:], "\x07\x03\x01\x07\x03"))%10 == value(b[3])
}

// CZBirthNumber is a Czech or Slovak rodné číslo of 10 digits: date of birth,
// the month plus 50 for women and 20 where a day's numbers ran out, and the
// whole a multiple of 11 (Act 133/2000 § 13).
func CZBirthNumber(b []byte) bool {
	if !digits(b, 10) {
		return false
	}
	year, month := number(b[:2]), number(b[2:4])
	century := 1900
	if year < 54 {
		century = 2000
	}
	month %= 50
	if month > 20 && century == 2000 {
		month -= 20
	}
	rest := number(b[:9]) % 11
	if rest == 10 && century+year < 1986 { // since then such numbers are left out
		rest = 0
	}
	return date(century+year, month, number(b[4:6])) && rest == last(b)
}

// ROCNP is a Romanian personal number: 13 digits with sex and century, date
// and county, weights 2 7 9 1 4 6 3 5 8 2 7 9, mod 11 (OUG 97/2005).
func ROCNP(b []byte) bool {
	if !digits(b, 13) || b[0] == '0' || !shortDate(number(b[1:3]), number(b[3:5]), number(b[5:7])) {
		return false
	}
	county := number(b[7:9])
	if county < 1 || county > 52 && county != 70 && (county < 80 || county > 83) {
		return false
	}
	rest := weighted(b, "\x02\x07\x09\x01\x04\x06\x03\x05\x08\x02\x07\x09") % 11
	return rest%10+rest/10 == last(b)
}
