package idnumber

// What a character counts at an odd place of a codice fiscale: digits 0–9,
// letters A–Z (D.M. 12 March 1974).
var fiscalOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

const (
	fiscalMonths = "ABCDEHLMPRST"
	omocodia     = "LMNPQRSTUV" // letters that stand for 0–9 where two people share a code
)

// ITFiscalCode is a codice fiscale of a natural person: 16 characters with
// name, year, month, day (plus 40 for women), place and check letter. A day
// that its month never has is left to the check letter.
func ITFiscalCode(b []byte) bool {
	if !shaped(b, "aaaaaaccaccaccca") {
		return false
	}
	year, day, place := fiscalNumber(b[6:8]), fiscalNumber(b[9:11]), fiscalNumber(b[12:15])
	if day > 40 {
		day -= 40
	}
	if year < 0 || place < 0 || day < 1 || day > 31 || !contains(fiscalMonths, b[8]) {
		return false
	}
	return byte('A'+fiscalSum(b[:15])%26) == b[15]
}

// fiscalNumber reads digits or their letters, or is negative.
func fiscalNumber(b []byte) int {
	n := 0
	for _, c := range b {
		d := fiscalDigit(c)
		if d < 0 {
			return -1 << 20
		}
		n = n*10 + d
	}
	return n
}

func fiscalDigit(c byte) int {
	if digit(c) {
		return int(c - '0')
	}
	for d := range len(omocodia) {
		if omocodia[d] == c {
			return d
		}
	}
	return -1
}

func fiscalSum(b []byte) int {
	sum := 0
	for i, c := range b {
		v := value(c)
		if upper(c) {
			v -= 10
		}
		if i%2 == 0 {
			v = fiscalOdd[v]
		}
		sum += v
	}
	return sum
}

// ITVAT is a partita IVA: 11 digits, 7 of the taxpayer, 3 of the office, Luhn
// (D.P.R. 633/1972, art. 35).
func ITVAT(b []byte) bool {
	if !digits(b, 11) || string(b[:7]) == "0000000" {
		return false
	}
	office := number(b[7:10])
	known := office >= 1 && office <= 100 || office == 120 || office == 121 || office == 888 || office == 999
	return known && luhnSum(b)%10 == 0
}

// ITIdentityCard is the number of an Italian identity card, paper (AA and 7
// digits) or electronic (CA, 5 digits, AA). It has no check digit.
func ITIdentityCard(b []byte) bool {
	return shaped(b, "aannnnnnn") || shaped(b, "aannnnnaa") && b[0] == 'C' || shaped(b, "nnnnnnnaa")
}
