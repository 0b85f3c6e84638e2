package idnumber

// bban is the structure of the account number of one country, three characters
// a time: a count of two digits and n for digits, a for letters, c for either,
// as the IBAN registry of SWIFT has it (ISO 13616).
func bban(country string) string {
	switch country {
	case "AD":
		return "08n12c"
	case "AE", "IL", "SO", "TL":
		return "19n"
	case "AL", "CY":
		return "08n16c"
	case "AT", "BA", "EE", "LT", "MN", "XK":
		return "16n"
	case "AZ":
		return "04a20c"
	case "BE":
		return "12n"
	case "BG":
		return "04a06n08c"
	case "BH":
		return "04a14c"
	case "BI", "DJ", "MR":
		return "23n"
	case "BR":
		return "23n01a01c"
	case "BY":
		return "04c04n16c"
	case "CH", "LI":
		return "05n12c"
	case "CR", "DE", "ME", "RS", "VA":
		return "18n"
	case "CZ", "ES", "SE", "SK", "TN":
		return "20n"
	case "DK", "FI", "FO", "GL", "SD":
		return "14n"
	case "DO":
		return "04c20n"
	case "EG":
		return "25n"
	case "FK":
		return "02a12n"
	case "FR", "MC":
		return "10n11c02n"
	case "GB", "IE":
		return "04a14n"
	case "GE":
		return "02a16n"
	case "GI":
		return "04a15c"
	case "GR":
		return "07n16c"
	case "GT":
		return "24c"
	case "HN", "NI", "SV":
		return "04a20n"
	case "HR":
		return "17n"
	case "HU", "PL":
		return "24n"
	case "IQ":
		return "04a15n"
	case "IS":
		return "22n"
	case "IT", "SM":
		return "01a10n12c"
	case "JO", "YE":
		return "04a04n18c"
	case "KW":
		return "04a22c"
	case "KZ", "LU":
		return "03n13c"
	case "LB":
		return "04n20c"
	case "LC":
		return "04a24c"
	case "LV":
		return "04a13c"
	case "LY", "PT", "ST":
		return "21n"
	case "MD":
		return "20c"
	case "MK":
		return "03n10c02n"
	case "MT":
		return "04a05n18c"
	case "MU":
		return "04a19n03a"
	case "NL":
		return "04a10n"
	case "NO":
		return "11n"
	case "OM":
		return "03n16c"
	case "PK", "RO":
		return "04a16c"
	case "PS", "QA":
		return "04a21c"
	case "RU":
		return "14n15c"
	case "SA":
		return "02n18c"
	case "SC":
		return "04a20n03a"
	case "SI":
		return "15n"
	case "TR":
		return "06n16c"
	case "UA":
		return "06n19c"
	case "VG":
		return "04a16n"
	}
	return ""
}

// IBAN is an international bank account number: a country of the registry, two
// check digits by mod 97-10, and an account number of exactly that country's
// length and structure.
func IBAN(b []byte) bool {
	if len(b) < 15 || len(b) > 34 || !digits(b[2:4], 2) || !structured(b[4:], bban(string(b[:2]))) {
		return false
	}
	return mod97(mod97(0, b[4:]), b[:4]) == 1
}

// structured reports whether b has the structure, which is not empty.
func structured(b []byte, structure string) bool {
	for ; structure != ""; structure = structure[3:] {
		n := int(structure[0]-'0')*10 + int(structure[1]-'0')
		if len(b) < n {
			return false
		}
		for _, c := range b[:n] {
			if !fits(c, structure[2]) {
				return false
			}
		}
		if b = b[n:]; len(b) == 0 {
			return len(structure) == 3
		}
	}
	return false
}

// IBANLength is the length of the IBANs of a country of two capital letters,
// 0 where it has none.
func IBANLength(country []byte) int {
	n := 4
	for s := bban(string(country)); s != ""; s = s[3:] {
		n += int(s[0]-'0')*10 + int(s[1]-'0')
	}
	if n == 4 {
		return 0
	}
	return n
}
