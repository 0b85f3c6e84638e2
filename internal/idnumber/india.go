package idnumber

// Aadhaar is an Indian identity number: 12 digits, first 2–9, Verhoeff, never
// the same backwards (UIDAI, Aadhaar numbering scheme).
func Aadhaar(b []byte) bool {
	return digits(b, 12) && b[0] >= '2' && !palindrome(b) && Verhoeff(b)
}

func palindrome(b []byte) bool {
	for i := range len(b) / 2 {
		if b[i] != b[len(b)-1-i] {
			return false
		}
	}
	return true
}

// PAN is an Indian permanent account number: 5 letters, of which the fourth is
// the kind of holder, 4 digits and a letter whose rule is not published
// (Income Tax Department).
func PAN(b []byte) bool {
	return shaped(b, "aaaaannnna") && contains("ABCFGHJKLPT", b[3]) && string(b[5:9]) != "0000"
}

// GSTIN is an Indian goods and services tax number: state, a PAN, the number of
// the registration, a letter (Z unless it is for withholding), a check
// character by Luhn's scheme in base 36 (CBIC).
func GSTIN(b []byte) (ok, checked bool) {
	if !shaped(b, "nnaaaaannnnacac") || !gstState(number(b[:2])) || b[12] == '0' || !contains("ZCD", b[13]) {
		return false, false
	}
	sum := 0
	for i, c := range b {
		v := value(c) * (1 + i%2)
		if i < 14 {
			sum += v/36 + v%36
		}
	}
	return true, (sum+value(b[14]))%36 == 0
}

func gstState(s int) bool { return s >= 1 && s <= 38 || s == 97 || s == 99 }

// INVoter is the number of an Indian voter's card: 3 letters and 7 digits, the
// last one Luhn's check digit on the cards that have one.
func INVoter(b []byte) (ok, checked bool) {
	if !shaped(b, "aaannnnnnn") || string(b[3:]) == "0000000" {
		return false, false
	}
	return true, luhnSum(b[3:])%10 == 0
}

// INPassport is the number of an Indian passport: a letter and 7 digits, the
// first and the last not 0. It has no check digit.
func INPassport(b []byte) bool {
	return shaped(b, "annnnnnn") && !contains("QXZ", b[0]) && b[1] != '0' && b[7] != '0'
}
