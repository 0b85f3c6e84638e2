package identifier

import (
	"strings"

	n "github.com/writ-project/writ/internal/idnumber"
)

// Checks that only need the outline of a document: letters and ranges that its
// issuer uses. Candidates come without separators, in upper case.

// frenchKeyless is a French number without its key of two digits.
func frenchKeyless(b []byte) bool {
	return (b[0] == '1' || b[0] == '2') && b[3] <= '3'
}

// finnish puts back the century sign that a candidate lost with its separators.
func finnish(b []byte) bool {
	if len(b) == 11 {
		return n.HETU(b)
	}
	if len(b) != 10 {
		return false
	}
	var with [11]byte
	copy(with[:], b[:6])
	copy(with[7:], b[6:])
	for _, sign := range "-+" {
		with[6] = byte(sign)
		if n.HETU(with[:]) {
			return true
		}
	}
	return false
}

// korean is a driving licence of the Republic of Korea: region 11 to 28.
func korean(b []byte) bool {
	region := int(b[0]-'0')*10 + int(b[1]-'0')
	return len(b) == 12 && region >= 11 && region <= 28
}

// britishPlate knows the current series (two letters, an age from 02 to 79
// with no 50 in it, three letters without I and Q) and those with a year letter.
func britishPlate(b []byte) bool {
	if len(b) == 7 && isLetter(b[1]) && isDigit(b[2]) && isDigit(b[3]) && isLetter(b[4]) {
		age := int(b[2]-'0')*10 + int(b[3]-'0')
		return !anyOf(b[:2], "IQZ") && !anyOf(b[4:], "IQ") && (age >= 2 && age <= 29 || age >= 51 && age <= 79)
	}
	return !anyOf(b[:1], "IOQUZ") && !anyOf(b[len(b)-1:], "IOQUZ")
}

func anyOf(b []byte, set string) bool {
	for _, c := range b {
		if strings.IndexByte(set, c) >= 0 {
			return true
		}
	}
	return false
}

// The codes of India's states and territories on number plates.
const indianStates = "AN AP AR AS BH BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TN TR TS UK UP WB"

func indianPlate(b []byte) bool {
	return len(b) >= 6 && strings.Contains(indianStates, string(b[:2]))
}

func nigerianPlate(b []byte) bool { return len(b) == 8 }

// turkishPlate begins with a province, 01 to 81.
func turkishPlate(b []byte) bool {
	province := int(b[0]-'0')*10 + int(b[1]-'0')
	return len(b) >= 5 && province >= 1 && province <= 81 && !anyOf(b, "QWX")
}

// britishPostcode checks the letters that Royal Mail uses: areas have no Q, V
// or X first, and the last two letters none of C, I, K, M, O, V.
func britishPostcode(b []byte) bool {
	return len(b) >= 5 && !anyOf(b[:1], "QVX") && !anyOf(b[len(b)-2:], "CIKMOV") && isDigit(b[len(b)-3])
}

// monthYear is a month and a year as cards print them.
func monthYear(b []byte) bool {
	switch len(b) {
	case 3:
		return b[0] != '0'
	case 4:
		m := int(b[0]-'0')*10 + int(b[1]-'0')
		return m >= 1 && m <= 12
	case 6:
		m := int(b[0]-'0')*10 + int(b[1]-'0')
		return m >= 1 && m <= 12 && b[2] == '2' || b[0] == '2' && b[1] == '0' && b[4] <= '1'
	}
	return false
}

func germanVAT(b []byte) bool {
	return len(b) == 11 && (string(b[:2]) == "DE" && n.DEVAT(b[2:]))
}

func britishVAT(b []byte) bool {
	return len(b) == 11 && string(b[:2]) == "GB" && n.UKVAT(b[2:])
}
