package idnumber

// TRKimlik is a Turkish identity number: 11 digits, first not 0, two check
// digits (Nüfus ve Vatandaşlık İşleri).
func TRKimlik(b []byte) bool {
	if !digits(b, 11) || b[0] == '0' {
		return false
	}
	tenth := weighted(b, "\x07\x09\x07\x09\x07\x09\x07\x09\x07") // 9 is -1 in tens
	eleventh := weighted(b, "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")
	return tenth%10 == value(b[9]) && eleventh%10 == value(b[10])
}

// ZAID is a South African identity number: 13 digits with date of birth, sex,
// citizenship 0–2 and Luhn's check digit (Identification Act 68/1997).
func ZAID(b []byte) bool {
	return digits(b, 13) && b[10] <= '2' && shortDate(number(b[:2]), number(b[2:4]), number(b[4:6])) && luhnSum(b)%10 == 0
}

// NIN is a Nigerian national identification number: 11 digits, Verhoeff (NIMC).
func NIN(b []byte) bool { return digits(b, 11) && !same(b) && Verhoeff(b) }

// ILID is an Israeli identity number: 9 digits with Luhn's check digit.
func ILID(b []byte) bool { return digits(b, 9) && !same(b) && luhnSum(b)%10 == 0 }
