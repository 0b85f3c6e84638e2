package identifier

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

// mistypes are published examples with one character wrong, behind the cue that
// names them: not that number, but still somebody's.
var mistypes = []struct {
	cue, value string
	want       dataclass.Entity
}{
	{"numer PESEL: ", "44051401358", dataclass.NationalID},
	{"PESEL number is ", "44051401350", dataclass.NationalID},
	{"Aadhaar: ", "2341 2341 2347", dataclass.NationalID},
	{"my SSN is ", "666-09-9999", dataclass.NationalID},
	{"Steuer-ID ", "65 929 970 480", dataclass.NationalID},
	{"NHS number ", "943 476 5918", dataclass.NationalID},
	{"con DNI ", "12345678A", dataclass.NationalID},
	{"codice fiscale ", "RSSMRA85T10A562T", dataclass.NationalID},
	{"BSN ", "111222334", dataclass.NationalID},
	{"CPF ", "111.444.777-36", dataclass.NationalID},
	{"henkilötunnus ", "131052-308U", dataclass.NationalID},
	{"personnummer ", "811218-9877", dataclass.NationalID},
	{"tax file number ", "123456783", dataclass.NationalID},
	{"TC kimlik no ", "10000000147", dataclass.NationalID},
	{"SIN ", "046 454 287", dataclass.NationalID},
	{"NRIC ", "S1234567A", dataclass.NationalID},
	{"CURP ", "HEGG560427MVZRRL05", dataclass.NationalID},
	{"CNP ", "1800101221145", dataclass.NationalID},
	{"IBAN: ", "DE89 3704 0044 0532 0130 01", dataclass.BankAccount},
	{"IBAN ", "GB29NWBK60161331926818", dataclass.BankAccount},
	{"PAN card ", "ABCDX1234K", "IN_PAN"}, // its letters are no check digit
	{"sort code ", "20-00-00", dataclass.BankRouting},
	{"Kennzeichen: ", "B-MA 1234", dataclass.LicensePlate},
	{"Konto-Nr. ", "12 3456 7890", dataclass.BankAccount},
}

func TestMistypedNumbersAreStillSomebodys(t *testing.T) {
	for _, c := range mistypes {
		text := c.cue + c.value
		if d := cmp.Diff([]string{string(c.want) + " " + c.value}, counted(text, scan(text))); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		for _, f := range scan(text) {
			if f.Counts() && (f.Cue == "" || f.Check != "") {
				t.Errorf("%q: %+v", text, f)
			}
		}
	}
}

// TestMistypedNumbersAreNothingWithoutACue: some are still telephone numbers of
// another country.
func TestMistypedNumbersAreNothingWithoutACue(t *testing.T) {
	for _, c := range mistypes {
		text := "we counted " + c.value
		for _, f := range scan(text) {
			if f.Counts() && f.Entity != dataclass.Phone {
				t.Errorf("%q: %+v", text, f)
			}
		}
	}
}

// TestPlainWordsAreNoCues: short names of numbers are also words.
func TestPlainWordsAreNoCues(t *testing.T) {
	for _, text := range []string{"run 12345678 times", "run: 12345678 and on", "the sin 123456789 of it", "nie 12345678a", "a fin S1234567A", "customer number 55018273 called", "acc: 0.98765432"} {
		if got := counted(text, scan(text)); len(got) > 0 {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestNumbersBesideUnrelatedNames: the field that speaks must be the number's own.
func TestNumbersBesideUnrelatedNames(t *testing.T) {
	text := "CP: 30021.\nNHC: 518802."
	fields := []dataclass.Field{{Start: 16, End: 23}}
	got := Scan(nil, &dataclass.Text{Bytes: []byte(text), Names: []string{"nhc"}, Fields: fields}, plenty())
	if d := cmp.Diff([]string{"POSTCODE 30021", "MEDICAL_RECORD_NUMBER 518802"}, counted(text, got)); d != "" {
		t.Error(d)
	}
}
