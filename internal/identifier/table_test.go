package identifier

import (
	"strings"
	"testing"
)

// TestCuesAreReadAsTheyAreWritten: a phrase stands once, has no accents and is
// found by the lexer.
func TestCuesAreReadAsTheyAreWritten(t *testing.T) {
	seen := make(map[string]topic)
	for topic, phrases := range cueWords {
		for phrase := range strings.SplitSeq(phrases, ",") {
			phrase = strings.Join(strings.Fields(phrase), " ")
			if other, ok := seen[phrase]; ok {
				t.Errorf("%q stands under %d and %d", phrase, other, topic)
			}
			seen[phrase] = topic
			l := lexer{table: cues()}
			l.advance([]byte(phrase), len(phrase), len(phrase))
			if h, ok := l.back(0); !ok || h.topic != topic || h.phrase != phrase {
				t.Errorf("%q is read as %+v", phrase, h)
			}
		}
	}
}

func TestAccentsAndCaseAreFolded(t *testing.T) {
	for text, want := range map[string]topic{
		"NÚMERO DE TELÉFONO": phoneTopic, "Führerscheinnummer": driverTopic, "née le": birthTopic, "paszportu": passportTopic, "accountNumber": accountTopic, "date_of_birth": birthTopic,
		"nº de colegiado": practitionerTopic, "Driver’s License": driverTopic, "我的身份证号码是": cnTopic, "ICD-10 code": icdTopic,
	} {
		l := lexer{table: cues()}
		l.advance([]byte(text), len(text), len(text))
		if h, ok := l.back(0); !ok || h.topic != want {
			t.Errorf("%q is read as %+v, want topic %d", text, h, want)
		}
	}
}

func TestEverySpecCanBeMet(t *testing.T) {
	met := make(map[uint16]bool)
	for _, accepted := range shapes().accept {
		for _, k := range accepted {
			met[k] = true
		}
	}
	for i, s := range specs {
		if !met[uint16(i)] || !s.entity.Known() || s.valid == nil || s.cued < s.own || s.cues.empty() {
			t.Errorf("row %d: %s %q", i, s.entity, s.shapes)
		}
	}
}

// TestChecksTakeAnythingOfTheirShape: a check function is called with what its
// shapes let through and panics on none of it.
func TestChecksTakeAnythingOfTheirShape(t *testing.T) {
	for _, s := range specs {
		for _, shape := range s.shapes {
			for _, c := range []string{"0A0", "9Z9", "1A1", "2B3"} {
				full := strings.NewReplacer("?", "", " ", "", "-", "", ".", "", "/", "", "+", "", "d", c[:1], "l", c[1:2], "x", c[2:]).Replace(shape)
				s.valid([]byte(full))
				if i := strings.IndexByte(shape, '?'); i > 0 {
					s.valid([]byte(full[:max(1, len(full)-strings.Count(shape, "?"))]))
				}
			}
		}
	}
}

func TestRegionsAreFew(t *testing.T) {
	for _, r := range append(zeroEleven[:], zeroTen, zeroNine, zeroOther, ten, eleven) {
		if len(r) > 2 {
			t.Errorf("%v costs too many validations", r)
		}
	}
}
