package personal_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/personal"
)

// inField scans a text that is the value of one field.
func inField(name, value string) []dataclass.Finding {
	in := &dataclass.Text{Bytes: []byte(value), Names: []string{name}, Fields: []dataclass.Field{{Start: 0, End: len(value)}}}
	return personal.Scan(nil, in, nil, &dataclass.Budget{Findings: 99})
}

func TestFieldsSayWhatTheyHold(t *testing.T) {
	tests := []struct {
		name, value string
		entity      dataclass.Entity
		want        string
	}{
		{"first name", "Rose", dataclass.Name, "Rose"},
		{"surname", "Qwyxtal", dataclass.Name, "Qwyxtal"},
		{"last name", "van der Meulen", dataclass.Name, "van der Meulen"},
		{"full name", "Okoye, Hannah", dataclass.Name, "Okoye, Hannah"},
		{"patient name", "mrs. hannah okoye", dataclass.Name, "mrs. hannah okoye"},
		{"provider name", "Dr. Idris Bello", dataclass.Name, "Dr. Idris Bello"},
		{"provider name", "Dr. Idris Bello saw the patient at noon", dataclass.Name, "Idris Bello"},
		{"referring physician", "Dr Hannah Okoye", dataclass.Name, "Dr Hannah Okoye"},
		{"imię i nazwisko", "Żaneta Brzęczyszczykiewicz", dataclass.Name, "Żaneta Brzęczyszczykiewicz"},
		{"nom de famille", "Quelqun", dataclass.Name, "Quelqun"},
		{"姓名", "李小龙", dataclass.Name, "李小龙"},
		{"customer", "Hannah Okoye", dataclass.Name, "Hannah Okoye"},
		{"name", "Hannah Okoye", dataclass.Name, "Hannah Okoye"},
		{"home address", "Rosewood Cottage 4, Upper Slaughter", dataclass.Address, "Rosewood Cottage 4, Upper Slaughter"},
		{"domicilio", "Alameda 180", dataclass.Address, "Alameda 180"},
		{"diagnosis", "Suspected Brugada pattern", dataclass.Diagnosis, "Suspected Brugada pattern"},
		{"leki", "Neozan forte", dataclass.Medication, "Neozan forte"},
	}
	for _, tt := range tests {
		got := inField(tt.name, tt.value)
		if len(got) != 1 || got[0].Entity != tt.entity || tt.value[got[0].Start:got[0].End] != tt.want || !got[0].Counts() {
			t.Errorf("%s %q: got %+v", tt.name, tt.value, got)
		}
	}
}

func TestFieldsThatHoldOtherThings(t *testing.T) {
	for name, value := range map[string]string{
		"company name": "Hannah Foods", "file name": "Okoye", "name": "Blue Widget", "product name": "Grace", "provider name": "General Hospital", "practice name": "Okoye's Clinic", "referring physician": "Ask Globex",
		"first name": "N/A", "full name": "null", "email address": "12 x", "address": "unknown", "diagnosis": "none", "customer": "Globex", "status": "Anna",
		strings.Repeat("first name ", 9): "Anna",
	} {
		for _, f := range inField(name, value) {
			if f.Counts() {
				t.Errorf("%s %q: got %+v", name, value, f)
			}
		}
	}
}

// TestFieldsTeachNames: a name out of a field is known in the prose around it.
func TestFieldsTeachNames(t *testing.T) {
	text := "Quelqun; when Quelqun came"
	in := &dataclass.Text{Bytes: []byte(text), Names: []string{"surname"}, Fields: []dataclass.Field{{Start: 0, End: 7}}}
	var got []string
	for _, f := range personal.Scan(nil, in, nil, &dataclass.Budget{Findings: 9}) {
		got = append(got, text[f.Start:f.End])
	}
	if d := cmp.Diff([]string{"Quelqun", "Quelqun"}, got); d != "" {
		t.Fatal(d)
	}
}
