package idnumber

// issuer is a range of first digits that a card scheme has, as six digits, and
// the lengths of its numbers.
type issuer struct {
	from, to int // the first six digits, both inclusive
	lengths  uint32
}

// long is the lengths from a to b as bits.
func long(a, b int) uint32 { return 1<<(b+1) - 1<<a }

// issuers are the ranges of ISO/IEC 7812 that the schemes publish (Visa,
// Mastercard, American Express, Discover and Diners, JCB, UnionPay, Mir, RuPay,
// Elo, Hipercard, Troy, Verve, Uzcard, Humo, Napas), sorted, not overlapping.
// Lengths that schemes allow each other are joined where ranges are shared.
var issuers = [...]issuer{
	{60400, 60499, long(12, 19)},                                 // Maestro 0604
	{100000, 199999, long(15, 15)},                               // UATP; JCB 1800
	{213100, 213199, long(15, 15)},                               // JCB
	{220000, 220499, long(16, 19)},                               // Mir
	{220500, 220599, long(16, 16)},                               // Borica
	{222100, 272099, long(16, 16)},                               // Mastercard
	{300000, 305999, long(14, 19)},                               // Diners Club
	{309500, 309599, long(14, 19)},                               // Diners Club
	{340000, 349999, long(15, 15)},                               // American Express
	{350000, 359999, long(16, 19)},                               // JCB, RuPay
	{360000, 369999, long(14, 19)},                               // Diners Club
	{370000, 379999, long(15, 15)},                               // American Express
	{380000, 399999, long(14, 19)},                               // Diners Club
	{400000, 499999, long(13, 13) | long(16, 16) | long(18, 19)}, // Visa, Switch, Elo, Dankort
	{500000, 509999, long(12, 19)},                               // Maestro, Elo, RuPay, Verve
	{510000, 559999, long(16, 16)},                               // Mastercard
	{560000, 589999, long(12, 19)},                               // Maestro
	{600000, 699999, long(12, 19)},                               // Maestro, Discover, UnionPay, RuPay, Troy, Hipercard
	{810000, 829999, long(16, 19)},                               // UnionPay, RuPay
	{860000, 860099, long(16, 16)},                               // Uzcard
	{970400, 970499, long(16, 19)},                               // Napas
	{979200, 979299, long(16, 16)},                               // Troy
	{986000, 986099, long(16, 16)},                               // Humo
}

// Card is the number of a payment card: 12–19 digits, a range and length of a
// scheme, Luhn's check digit (ISO/IEC 7812-1).
func Card(b []byte) bool {
	if len(b) < 12 || len(b) > 19 || !digits(b, len(b)) || !issued(number(b[:6]), len(b)) {
		return false
	}
	return !same(b) && luhnSum(b)%10 == 0
}

func issued(prefix, length int) bool {
	for _, i := range issuers {
		if prefix <= i.to {
			return prefix >= i.from && i.lengths>>length&1 == 1
		}
	}
	return false
}
