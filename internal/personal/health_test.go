package personal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestHealthWordsOfSomebodyCount(t *testing.T) {
	tests := []struct {
		text                  string
		diagnosis, medication []string
	}{
		{"The patient was diagnosed with type 2 diabetes and takes metformin 500 mg.", []string{"type 2 diabetes"}, []string{"metformin 500 mg"}},
		{"Diagnosis: breast cancer stage III. Medication: tamoxifen 20mg", []string{"breast cancer stage III"}, []string{"tamoxifen 20mg"}},
		{"I have multiple sclerosis", []string{"multiple sclerosis"}, nil},
		{"paciente con antecedentes de hipertensión arterial", []string{"hipertensión arterial"}, nil},
		{"Pacjent cierpi na cukrzycę? Rozpoznanie: astma oskrzelowa", []string{"cukrzycę", "astma oskrzelowa"}, nil},
		{"Die Patientin leidet an Epilepsie", []string{"Epilepsie"}, nil},
		{"he was prescribed novaprazole", nil, []string{"novaprazole"}}, // by its ending
		{"quarzolol 25 mg daily", nil, []string{"quarzolol 25 mg"}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.diagnosis, counted(tt.text, dataclass.Diagnosis)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
		if d := cmp.Diff(tt.medication, counted(tt.text, dataclass.Medication)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

// TestGeneralQuestionsAboutHealth: a sickness in a question is nobody's.
func TestGeneralQuestionsAboutHealth(t *testing.T) {
	for _, text := range []string{
		"What are the symptoms of diabetes?", "How does metformin work?", "Explain the difference between asthma and bronchitis.",
		"Write an article on cancer research.", "Is ibuprofen better than aspirin?", "Jakie są objawy grypy?", "lovastatin synthesis",
	} {
		for _, f := range find(text) {
			if f.Counts() {
				t.Errorf("%q: %+v", text, f)
			}
		}
	}
}
