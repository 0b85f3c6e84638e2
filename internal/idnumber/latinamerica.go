package idnumber

// CPF is a Brazilian personal tax number: 11 digits, two check digits by
// mod 11 (Receita Federal).
func CPF(b []byte) bool {
	if !digits(b, 11) || same(b) {
		return false
	}
	first := weighted(b, "\x0a\x09\x08\x07\x06\x05\x04\x03\x02")
	second := weighted(b, "\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02")
	return eleven(first) == value(b[9]) && eleven(second) == value(b[10])
}

// eleven is the check digit that both Brazilian numbers take from a sum.
func eleven(sum int) int {
	if rest := sum % 11; rest >= 2 {
		return 11 - rest
	}
	return 0
}

// CNPJ is a Brazilian company number: 14 characters, of which the first twelve
// may hold letters since July 2026; a character counts its ASCII code less 48
// (Instrução Normativa RFB 2.229/2024).
func CNPJ(b []byte) bool {
	if len(b) != 14 || !allAlnum(b[:12]) || !digits(b[12:], 2) || same(b) {
		return false
	}
	first := cnpjSum(b[:12], "\x05\x04\x03\x02\x09\x08\x07\x06\x05\x04\x03\x02")
	second := cnpjSum(b[:13], "\x06\x05\x04\x03\x02\x09\x08\x07\x06\x05\x04\x03\x02")
	return eleven(first) == value(b[12]) && eleven(second) == value(b[13])
}

func cnpjSum(b []byte, weights string) int {
	sum := 0
	for i, c := range b {
		sum += int(c-'0') * int(weights[i])
	}
	return sum
}

// CURP is a Mexican population registry code: 18 characters with name, date of
// birth, sex, state and check digit (RENAPO, Instructivo normativo CURP).
func CURP(b []byte) bool {
	if !shaped(b, "aaaannnnnnaaaaaacn") || !contains("HMX", b[10]) || !curpState(b[11:13]) {
		return false
	}
	if !shortDate(number(b[4:6]), number(b[6:8]), number(b[8:10])) {
		return false
	}
	sum := 0
	for i, c := range b[:17] {
		v := value(c)
		if c > 'N' { // Ñ has its place in the alphabet though no code holds one
			v++
		}
		sum += v * (18 - i)
	}
	return (sum+last(b))%10 == 0
}

func curpState(b []byte) bool {
	switch string(b) {
	case "AS", "BC", "BS", "CC", "CS", "CH", "CL", "CM", "DF", "DG", "GT", "GR", "HG", "JC", "MC", "MN", "MS",
		"NT", "NL", "OC", "PL", "QT", "QR", "SP", "SL", "SR", "TC", "TS", "TL", "VZ", "YN", "ZS", "NE":
		return true
	}
	return false
}

// ARCUIT is an Argentine tax or labour number: 11 digits with a kind, weights
// 5 4 3 2 7 6 5 4 3 2, mod 11 (AFIP).
func ARCUIT(b []byte) bool {
	if !digits(b, 11) {
		return false
	}
	switch number(b[:2]) {
	case 20, 23, 24, 25, 26, 27, 30, 33, 34, 50, 51, 55:
		rest := weighted(b, "\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02") % 11
		return "09987654321"[rest] == b[10]
	}
	return false
}

// CLRUT is a Chilean tax number: 7 or 8 digits and a check digit or K, weights
// 2 to 7 from the right, mod 11 (SII).
func CLRUT(b []byte) bool {
	n := len(b) - 1
	if n != 7 && n != 8 || !digits(b[:n], n) || b[0] == '0' {
		return false
	}
	sum := 0
	for i := range n {
		sum += value(b[n-1-i]) * (2 + i%6)
	}
	return "0K987654321"[sum%11] == b[n]
}
