package idnumber

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestOneDigitBreaksTheScheme: schemes that promise it catch every wrong digit.
func TestOneDigitBreaksTheScheme(t *testing.T) {
	for name, check := range map[string]func([]byte) bool{"Luhn": Luhn, "Verhoeff": Verhoeff, "Mod97": Mod97, "Mod11_2": Mod11_2, "Mod11_10": Mod11_10, "Mod37_36": Mod37_36} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				number := completed(rapid.StringMatching(`[0-9]{5,18}`).Draw(t, "number"), check)
				if number == "" {
					return // mod 11-2 may need an X, mod 97 two digits; completed tries both
				}
				at := rapid.IntRange(0, len(number)-1).Draw(t, "at")
				for _, wrong := range substitutes(number, at) {
					if check([]byte(wrong)) {
						t.Fatalf("%s and %s both pass", number, wrong)
					}
				}
			})
		})
	}
}

// completed appends the check digits that hold, or is empty.
func completed(number string, check func([]byte) bool) string {
	for i := range 100 {
		for _, tail := range []string{string(rune('0' + i%10)), string(rune('0'+i/10)) + string(rune('0'+i%10)), "X"} {
			if check([]byte(number + tail)) {
				return number + tail
			}
		}
	}
	return ""
}

// TestNeighboursSwappedAreCaught: Verhoeff and mod 97 catch what Luhn does not.
func TestNeighboursSwappedAreCaught(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := []byte(completed(rapid.StringMatching(`[0-9]{5,18}`).Draw(t, "number"), Verhoeff))
		at := rapid.IntRange(0, len(number)-2).Draw(t, "at")
		if number[at] == number[at+1] {
			return
		}
		number[at], number[at+1] = number[at+1], number[at]
		if Verhoeff(number) {
			t.Fatalf("%s passes", number)
		}
	})
}

// TestFewRandomDigitsPass: one number in ten passes a check digit by chance;
// ranges, dates and second digits make it fewer. The bound is what callers
// count on when they score a number without context.
func TestFewRandomDigitsPass(t *testing.T) {
	bounds := map[string]float64{"CPF": .02, "PESEL": .04, "TRKimlik": .02, "BENational": .02, "FRNIR": .011, "DETaxID": .03, "ESSocial": .011, "MyNumber": .11, "Aadhaar": .11, "Card": .08, "CNResident": .005, "ZAID": .01}
	random := rand.New(rand.NewPCG(6, 6))
	for name, bound := range bounds {
		passed, tried := 0, 0
		for ; tried < 20_000; tried++ {
			if named[name](randomDigits(random, lengthOf(name))) {
				passed++
			}
		}
		if rate := float64(passed) / float64(tried); rate > bound {
			t.Errorf("%s: %.4f of random digits pass, more than %.4f", name, rate, bound)
		}
	}
}

func lengthOf(name string) int {
	for _, p := range published {
		if p.name == name {
			return len(p.number)
		}
	}
	return 0
}

func randomDigits(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + random.IntN(10))
	}
	return b
}

func TestNothingAllocates(t *testing.T) {
	for _, p := range published {
		b := []byte(p.number)
		if n := testing.AllocsPerRun(10, func() { named[p.name](b) }); n != 0 {
			t.Errorf("%s allocates %.0f times", p.name, n)
		}
	}
}

// TestCardsOfEveryScheme: each range takes its shortest and longest number and
// none outside its lengths.
func TestCardsOfEveryScheme(t *testing.T) {
	for i, s := range issuers {
		if i > 0 && s.from <= issuers[i-1].to || s.to < s.from {
			t.Errorf("range %d–%d is out of order", s.from, s.to)
		}
		for n := 11; n <= 20; n++ {
			number := completed(prefixed(s.from, n-1), Luhn)
			want := n >= 12 && n <= 19 && s.lengths>>n&1 == 1
			if len(number) == n && Card([]byte(number)) != want {
				t.Errorf("%s of %d digits: want %v", number, n, want)
			}
		}
	}
}

// prefixed is six digits filled up to n with 1, 2, 3 …
func prefixed(prefix, n int) string {
	b := make([]byte, n)
	for i := 5; i >= 0; i-- {
		b[i], prefix = byte('0'+prefix%10), prefix/10
	}
	for i := 6; i < n; i++ {
		b[i] = byte('0' + i%10)
	}
	return string(b)
}

func TestShapesWithoutCheckDigit(t *testing.T) {
	for _, c := range []struct {
		name   string
		number string
		want   bool
	}{
		{"SSN", "000123456", false}, {"SSN", "666123456", false}, {"SSN", "900123456", false}, {"SSN", "123006789", false}, {"SSN", "123450000", false},
		{"SSN", "524718836", true}, {"ITIN", "912490000", false}, {"ITIN", "912930000", false}, {"ITIN", "912940000", true}, {"ITIN", "812940000", false},
		{"NINO", "QQ123456C", false}, {"NINO", "BG123456A", false}, {"NINO", "AB123456E", false}, {"NINO", "JK654321D", true},
		{"PAN", "AAAQL1234C", false}, {"PAN", "AAAPL0000C", false}, {"MBI", "1SG4TE5MK73", false}, {"MBI", "0EG4TE5MK73", false},
		{"UKDriver", "MORGA653054SM9IJ", true}, {"UKDriver", "MORGA673054SM9IJ", false}, {"UKDriver", "M9RGA657054SM9IJ", false},
		{"BIC", "DEUTXXFF", false}, {"BIC", "DEUTDEFF", true}, {"BIC", "DEUTDEFF5", false}, {"Country", "UK", false}, {"Country", "XK", true},
		{"ICD10", "E11", true}, {"ICD10", "C7A.1", true}, {"ICD10", "S72.001A", true}, {"ICD10", "E1", false}, {"ICD10", "1E1", false}, {"ICD10", "E11.", false},
		{"HETU", "131052:308T", false}, {"HETU", "310252-308T", false}, {"IBAN", "XX29NWBK60161331926819", false}, {"IBAN", "GB29NWBK6016133192681", false},
		{"CPF", "11111111111", false}, {"NHS", "0000000000", false}, {"BSN", "000000000", false}, {"Aadhaar", "123412341234", false}, {"ITVAT", "00000000000", false},
		{"INPassport", "J0369854", false}, {"PHTIN", "000000000", false}, {"PHTIN", "1234567890", false}, {"ITIdentityCard", "AA1234567", true},
	} {
		if got := named[c.name]([]byte(c.number)); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.name, c.number, got, c.want)
		}
	}
}

// TestWeakAndStrong: numbers that have no check digit are told from those whose
// check digit holds.
func TestWeakAndStrong(t *testing.T) {
	for _, c := range []struct {
		name        string
		check       func([]byte) (bool, bool)
		number      string
		ok, checked bool
	}{
		{"RRN since October 2020", RRN, "9710139019903", true, false}, {"RRN", RRN, "9710139019902", true, true}, {"RRN without a day", RRN, "9713139019902", false, false},
		{"VIN of Europe", VIN, "WVWZZZ1JZ3W386752", true, false}, {"VIN", VIN, "1M8GDM9AXKP042788", true, true}, {"VIN with O", VIN, "1M8GDM9AXKPO42788", false, false},
		{"Ethereum in one case", Ethereum, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", true, false}, {"Ethereum miscased", Ethereum, "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", false, false},
		{"identity card without its digit", DEIDCard, "L01X00T47", true, false}, {"identity card with a vowel", DEIDCard, "L01A00T47", false, false},
		{"Québec", CAHealth, "TREM85521499", true, false}, {"Danish number since 2007", DKCPR, "2110625620", true, false}, {"GSTIN of a withholder", GSTIN, "27AAPFU0939F1D0", true, false},
		{"voter", INVoter, "WKH1186254", true, false},
	} {
		if ok, checked := c.check([]byte(c.number)); ok != c.ok || checked != c.checked {
			t.Errorf("%s %s: %v %v, want %v %v", c.name, c.number, ok, checked, c.ok, c.checked)
		}
	}
}
