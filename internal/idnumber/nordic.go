package idnumber

// SEPersonnummer is a Swedish personal or coordination number, 10 digits or 12
// with the century: date of birth, the day plus 60 in a coordination number,
// and Luhn over the last ten (SFS 1991:481 § 18).
func SEPersonnummer(b []byte) bool {
	switch len(b) {
	case 12:
		if !digits(b, 12) || !contains("12", b[0]) || !date(number(b[:4]), number(b[4:6]), seDay(b[6:8])) {
			return false
		}
		return number(b[:2]) >= 18 && number(b[:2]) <= 20 && luhnSum(b[2:])%10 == 0
	case 10:
		return digits(b, 10) && shortDate(number(b[:2]), number(b[2:4]), seDay(b[4:6])) && luhnSum(b)%10 == 0
	}
	return false
}

func seDay(b []byte) int {
	if day := number(b); day > 60 {
		return day - 60
	}
	return number(b)
}

// SEOrganisation is a Swedish organisation number: 10 digits, the third at
// least 2 so that it is nobody's birthday, Luhn (SFS 1974:174).
func SEOrganisation(b []byte) bool {
	return digits(b, 10) && b[0] != '0' && b[2] >= '2' && luhnSum(b)%10 == 0
}

// HETU is a Finnish personal identity code of 11 characters with its century
// sign: + for 1800; - U V W X Y for 1900; A B C D E F for 2000, the later ones
// since 2023. The check character is mod 31 (Decree 690/2022; DVV).
func HETU(b []byte) bool {
	if len(b) != 11 || !digits(b[:6], 6) || !digits(b[7:10], 3) {
		return false
	}
	century := 0
	switch {
	case b[6] == '+':
		century = 1800
	case b[6] == '-', b[6] >= 'U' && b[6] <= 'Y':
		century = 1900
	case b[6] >= 'A' && b[6] <= 'F':
		century = 2000
	default:
		return false
	}
	serial := number(b[7:10])
	if serial < 2 || !date(century+number(b[4:6]), number(b[2:4]), number(b[:2])) {
		return false
	}
	return "0123456789ABCDEFHJKLMNPRSTUVWXY"[(number(b[:6])*1000+serial)%31] == b[10]
}

// NOBirthNumber is a Norwegian fødselsnummer or D-number (the day plus 40):
// 11 digits, two check digits by mod 11 (Skatteetaten).
func NOBirthNumber(b []byte) bool {
	if !digits(b, 11) {
		return false
	}
	day, month := number(b[:2]), number(b[2:4])
	if day > 40 {
		day -= 40
	}
	if month > 40 {
		month -= 40
	}
	if !shortDate(number(b[4:6]), month, day) {
		return false
	}
	first := (weighted(b, "\x03\x07\x06\x01\x08\x09\x04\x05\x02") + value(b[9])) % 11
	second := (weighted(b, "\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02") + value(b[10])) % 11
	return first == 0 && second == 0
}

// DKCPR is a Danish personal number: 10 digits with a date of birth. Numbers
// given since 2007 need have no check digit (CPR-kontoret), so checked says
// whether the old one holds.
func DKCPR(b []byte) (ok, checked bool) {
	if !digits(b, 10) || !shortDate(number(b[4:6]), number(b[2:4]), number(b[:2])) {
		return false, false
	}
	return true, weighted(b, "\x04\x03\x02\x07\x06\x05\x04\x03\x02\x01")%11 == 0
}
