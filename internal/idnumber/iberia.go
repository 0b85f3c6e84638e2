package idnumber

const nifLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

// ESNIF is a Spanish tax number of a natural person: 8 digits (7 where the
// leading zero is left out) or K, L, M and 7 digits, and a letter by mod 23
// (Real Decreto 1065/2007, art. 19–20).
func ESNIF(b []byte) bool {
	if len(b) < 8 || len(b) > 9 {
		return false
	}
	n, letter := b[:len(b)-1], b[len(b)-1]
	if contains("KLM", n[0]) && len(n) == 8 {
		n = n[1:]
	}
	return digits(n, len(n)) && number(n) > 0 && nifLetters[number(n)%23] == letter
}

// ESNIE is the number of a foreigner: X, Y or Z, 7 digits and the letter of
// ESNIF, with 0, 1 or 2 in the place of the first letter.
func ESNIE(b []byte) bool {
	if !shaped(b, "annnnnnna") || b[0] < 'X' {
		return false
	}
	return nifLetters[(int(b[0]-'X')*10_000_000+number(b[1:8]))%23] == b[8]
}

// ESCIF is the tax number of a legal person: a letter for its kind, 7 digits
// and a control digit or letter (Orden EHA/451/2008).
func ESCIF(b []byte) bool {
	if !shaped(b, "annnnnnnc") || !contains("ABCDEFGHJNPQRSUVW", b[0]) {
		return false
	}
	control := (10 - crossed(b[1:8], "\x02\x01\x02\x01\x02\x01\x02")%10) % 10
	if digit(b[8]) {
		return !contains("NPQRSW", b[0]) && last(b) == control
	}
	return !contains("ABEH", b[0]) && "JABCDEFGHI"[control] == b[8]
}

// ESSocial is a Spanish social security number: province, 8 digits and two
// control digits by mod 97; numbers under ten million are not padded for it.
func ESSocial(b []byte) bool {
	if !digits(b, 12) {
		return false
	}
	province, serial := number(b[:2]), number(b[2:10])
	if province < 1 || province > 53 && province != 66 || serial == 0 {
		return false
	}
	whole := province*100_000_000 + serial
	if serial < 10_000_000 {
		whole = province*10_000_000 + serial
	}
	return whole%97 == number(b[10:])
}

// PTNIF is a Portuguese tax number: 9 digits, weights 9 to 2, mod 11
// (Decreto-Lei 14/2013).
func PTNIF(b []byte) bool {
	if !digits(b, 9) || b[0] == '0' || b[0] == '4' && b[1] != '5' {
		return false
	}
	return (11-weighted(b, "\x09\x08\x07\x06\x05\x04\x03\x02")%11)%11%10 == last(b)
}
