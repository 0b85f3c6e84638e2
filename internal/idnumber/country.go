package idnumber

// The codes of ISO 3166-1 alpha-2, as a set of second letters for each first
// one. XK is there too: it is what banks and the IBAN registry use for Kosovo.
var countries = [26]string{
	0: "DEFGILMOQRSTUWXZ", 'B' - 'A': "ABDEFGHIJLMNOQRSTVWYZ", 'C' - 'A': "ACDFGHIKLMNORUVWXYZ", 'D' - 'A': "EJKMOZ",
	'E' - 'A': "CEGHRST", 'F' - 'A': "IJKMOR", 'G' - 'A': "ABDEFGHILMNPQRSTUWY", 'H' - 'A': "KMNRTU", 'I' - 'A': "DELMNOQRST",
	'J' - 'A': "EMOP", 'K' - 'A': "EGHIMNPRWYZ", 'L' - 'A': "ABCIKRSTUVY", 'M' - 'A': "ACDEFGHKLMNOPQRSTUVWXYZ",
	'N' - 'A': "ACEFGILOPRUZ", 'O' - 'A': "M", 'P' - 'A': "AEFGHKLMNRSTWY", 'Q' - 'A': "A", 'R' - 'A': "EOSUW",
	'S' - 'A': "ABCDEGHIJKLMNORSTVXYZ", 'T' - 'A': "CDFGHJKLMNORTVWZ", 'U' - 'A': "AGMSYZ", 'V' - 'A': "ACEGINU", 'W' - 'A': "FS",
	'X' - 'A': "K", 'Y' - 'A': "ET", 'Z' - 'A': "AMW",
}

// Country reports whether b is a country's code of two capital letters.
func Country(b []byte) bool {
	return len(b) == 2 && upper(b[0]) && contains(countries[b[0]-'A'], b[1])
}
