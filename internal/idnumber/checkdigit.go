package idnumber

// Luhn is ISO/IEC 7812-1 annex B: digits, the last of them the check digit.
func Luhn(b []byte) bool { return len(b) > 1 && digits(b, len(b)) && luhnSum(b)%10 == 0 }

// luhnSum doubles every second digit from the right, the last one single.
func luhnSum(b []byte) int {
	sum := 0
	for i, c := range b {
		d := value(c)
		if (len(b)-i)%2 == 0 {
			d = cross(2 * d)
		}
		sum += d
	}
	return sum
}

// cross is the sum of the digits of n < 100.
func cross(n int) int { return n/10 + n%10 }

// Mod97 is ISO 7064 mod 97-10: digits and letters, the last two the check
// digits; the whole leaves 1.
func Mod97(b []byte) bool { return len(b) > 2 && allAlnum(b) && mod97(0, b) == 1 }

// mod97 is the remainder of rest followed by b, letters counting two digits.
func mod97(rest int, b []byte) int {
	for _, c := range b {
		v := value(c)
		if v > 9 {
			rest *= 10
		}
		rest = (rest*10 + v) % 97
	}
	return rest
}

func allAlnum(b []byte) bool {
	for _, c := range b {
		if !alnum(c) {
			return false
		}
	}
	return true
}

// Mod11_2 is ISO 7064 mod 11-2: digits, the last one a digit or X.
func Mod11_2(b []byte) bool {
	n := len(b) - 1
	if n < 1 || !digits(b[:n], n) || !digit(b[n]) && b[n] != 'X' {
		return false
	}
	p := 0
	for _, c := range b[:n] {
		p = (p + value(c)) * 2 % 11
	}
	last := value(b[n])
	if b[n] == 'X' {
		last = 10
	}
	return (p+last)%11 == 1
}

// Mod11_10 is ISO 7064 mod 11,10: digits, the last one the check digit.
func Mod11_10(b []byte) bool { return len(b) > 1 && digits(b, len(b)) && hybrid(b, 10) }

// Mod37_36 is ISO 7064 mod 37,36: digits and letters, the last one the check
// character.
func Mod37_36(b []byte) bool { return len(b) > 1 && allAlnum(b) && hybrid(b, 36) }

// hybrid is the recursion of the hybrid systems of ISO 7064 with modulus m.
func hybrid(b []byte, m int) bool {
	p := m
	for _, c := range b[:len(b)-1] {
		p = (p + value(c)) % m
		if p == 0 {
			p = m
		}
		p = p * 2 % (m + 1)
	}
	return (p+value(b[len(b)-1]))%m == 1
}

// The dihedral group D5 and the permutation of Verhoeff's scheme (J. Verhoeff,
// Error Detecting Decimal Codes, 1969).
var (
	dihedral = [10][10]byte{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
		{3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
		{9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	}
	permuted = [8][10]byte{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
		{8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
		{2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	}
)

// Verhoeff takes digits, the last of them the check digit.
func Verhoeff(b []byte) bool {
	if len(b) < 2 || !digits(b, len(b)) {
		return false
	}
	c := byte(0)
	for i := range b {
		c = dihedral[c][permuted[i%8][b[len(b)-1-i]-'0']]
	}
	return c == 0
}

// weighted is the sum of the values times the weights. A weight is a byte of
// a string, its value the weight; the shorter of the two ends it.
func weighted(b []byte, weights string) int {
	sum := 0
	for i := range min(len(b), len(weights)) {
		sum += value(b[i]) * int(weights[i])
	}
	return sum
}

// crossed is weighted with the digits of each product added up.
func crossed(b []byte, weights string) int {
	sum := 0
	for i := range min(len(b), len(weights)) {
		sum += cross(value(b[i]) * int(weights[i]))
	}
	return sum
}

// last is the value of the last digit.
func last(b []byte) int { return value(b[len(b)-1]) }
