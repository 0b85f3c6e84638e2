package personal_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestNamesAreFound(t *testing.T) {
	tests := []struct {
		why, text string
		want      []string
	}{
		{"title", "We spoke to Mrs. Abernathy and Prof. Lindqvist today.", []string{"Abernathy", "Lindqvist"}},
		{"title is no part of it", "Dr. Helena Kowalczyk signed.", []string{"Helena Kowalczyk"}},
		{"phrase", "Hello, my name is Xanthe Quibell.", []string{"Xanthe Quibell"}},
		{"phrase, single unknown word", "my name is Zorvath, by the way. He is Late.", []string{"Zorvath"}},
		{"phrase, lower case in a text with capitals", "Yes, my name is katarzyna.", []string{"katarzyna"}},
		{"greeting", "Dear Imogen, thank you.", []string{"Imogen"}},
		{"closing", "Let me know.\n\nBest regards,\nTobias", []string{"Tobias"}},
		{"label", "Patient: Marisol Echeverría\nWard: 7", []string{"Marisol Echeverría"}},
		{"speaker in a log", "[10:02] Priscilla: hi\n[10:03] Mark: hello", []string{"Priscilla", "Mark"}},
		{"verb", "Later Reginald said no.", []string{"Reginald"}},
		{"possession", "It is in Rosalind's account.", []string{"Rosalind"}},
		{"kin", "I took my daughter Ximena to school.", []string{"Ximena"}},
		{"both lists", "The invoice was paid by Chinedu Okonkwo yesterday.", []string{"Chinedu Okonkwo"}},
		{"given name and a word no list has", "Then Natasha Vrbovská-Quelle arrived.", []string{"Natasha Vrbovská-Quelle"}},
		{"list", "Attendees: Moira, Grace and Ruth.", []string{"Moira", "Grace", "Ruth"}},
		{"family name first", "Participants: Tanaka Hiroshi", []string{"Tanaka Hiroshi"}},
		{"particles", "They hired Joost van den Heuvel and Inês de la Cruz.", []string{"Joost van den Heuvel", "Inês de la Cruz"}},
		{"initials and suffix", "Approved by Martin J. Thornbury Jr.", []string{"Martin J. Thornbury Jr"}},
		{"apostrophe and hyphen", "Ask Siobhan O'Donoghue-Walsh about it.", []string{"Siobhan O'Donoghue-Walsh"}},
		{"word as given name", "Will Hernandez called.", []string{"Will Hernandez"}},
		{"no capitals at all", "please email rebecca about the order", []string{"rebecca"}},
		{"capitals only", "JESSICA RAMIREZ, ACCOUNT 12", []string{"JESSICA RAMIREZ"}},
		{"Polish case forms", "Przekaż to Janowi Wiśniewskiemu i Annie Nowak.", []string{"Janowi Wiśniewskiemu", "Annie Nowak"}},
		{"Spanish label", "Médico: Lucía Fernández Ortega NºCol: 1", []string{"Lucía Fernández Ortega"}},
		{"German", "Sehr geehrte Frau Schäfer, anbei.", []string{"Schäfer"}},
		{"Cyrillic", "Меня зовут Анна Кузнецова, я врач.", []string{"Анна Кузнецова"}},
		{"Greek", "Εδώ μένει ο Γιώργος Παπαδόπουλος.", []string{"Γιώργος Παπαδόπουλος"}},
		{"short form of one named in full", "Here is Leonora Whitfield. I asked around if Leonora knew.", []string{"Leonora Whitfield", "Leonora"}},
		{"named in full only later", "If Leonora knew. It was Leonora Whitfield.", []string{"Leonora", "Leonora Whitfield"}},
		{"title that is a plain word", "At noon officer Lindqvist stopped a van.", []string{"Lindqvist"}},
		{"title before a particle", "Geachte heer de Wit, bedankt.", []string{"de Wit"}},
		{"title with a dot in it", "Gentile Sig.ra Colombo, grazie.", []string{"Colombo"}},
		{"title before a name that is a word", "Ms Jenkins rang.", []string{"Jenkins"}},
		{"phrase that ends in for", "Ring the desk and ask for Rosalind.", []string{"Rosalind"}},
		{"small behind tell", "Tell katarzyna that it rains.", []string{"katarzyna"}},
		{"two given names", "Priscilla and Reginald are getting married.", []string{"Priscilla", "Reginald"}},
		{"initial", "P. Abernathy et al. disagree.", []string{"P. Abernathy"}},
		{"words in no list, by their ending", "It was sung by Yrsu Hallgeirsdóttir.", []string{"Yrsu Hallgeirsdóttir"}},
		{"all there is", "Rosalind", []string{"Rosalind"}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, counted(tt.text, dataclass.Name)); d != "" {
			t.Errorf("%s: %q: %s", tt.why, tt.text, d)
		}
	}
}

func TestWhatIsNoNameIsNotFound(t *testing.T) {
	for _, text := range []string{
		"The Madison Project at Stanford University is near Victoria Falls.",
		"He works for Johnson & Sons Ltd, Wells Bank and the Mary Institute.",
		"They bought it from Abernathy and Sons.",
		"In May and June the Rose Garden is open; mark the page.",
		"San Francisco, New York, San Jose and Charlotte are cities.",
		"Use React with Kubernetes and PostgreSQL in Visual Studio Code.",
		"# Executive Summary\n## Project Plan\n- Short Term Goals",
		"class UserService { return new Person(Anna) }",
		"see https://example.com/Anna/Smith and C:\\Users\\Peter",
		"Monday, April 3. English and Spanish speakers.",
		"Customer Support: please hold.\nAgent: thanks",
		"The Grace Hospital is on Park Avenue.",
		"NASA, IBM and DAN are short forms.",
		"{\"name\": \"get_weather\", \"type\": \"function\"}",
		"",
	} {
		if got := counted(text, dataclass.Name); got != nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestConfidenceOfNames: a list alone is possible, a full name likely, and with a
// cue or a way to reach somebody close by very likely.
func TestConfidenceOfNames(t *testing.T) {
	mail := func(text, at string) dataclass.Finding {
		i := len(text) - len(at)
		return dataclass.Finding{Entity: dataclass.Email, Start: i, End: len(text), Score: 99}
	}
	full := "Then Gwendolyn Pemberton left "
	reach := full + "g.pemberton@example.org"
	tests := []struct {
		text  string
		found []dataclass.Finding
		want  int
	}{
		{"There Gwendolyn stood.", nil, dataclass.Possible},
		{full, nil, dataclass.Likely},
		{"Dear Gwendolyn", nil, dataclass.VeryLikely},
		{reach, []dataclass.Finding{mail(reach, "g.pemberton@example.org")}, dataclass.VeryLikely},
	}
	for _, tt := range tests {
		got := find(tt.text, tt.found...)
		if len(got) != 1 || step(got[0].Score) != tt.want {
			t.Errorf("%q: want %d, got %+v", tt.text, tt.want, got)
		}
	}
}

// step is the step of the taxonomy that a score reaches.
func step(score int) int {
	switch {
	case score >= dataclass.VeryLikely:
		return dataclass.VeryLikely
	case score >= dataclass.Likely:
		return dataclass.Likely
	}
	return dataclass.Possible
}

// TestAnAddressOfTheNetSpeaksForAName: a word that is also in an e-mail address
// is a name where a listed one alone would be only possible.
func TestAnAddressOfTheNetSpeaksForAName(t *testing.T) {
	text := "There Gwendolyn stood. gwendolyn.p@example.org"
	mail := dataclass.Finding{Entity: dataclass.Email, Start: 23, End: len(text), Score: 99}
	if d := cmp.Diff([]string{"Gwendolyn"}, counted(text, dataclass.Name, mail)); d != "" {
		t.Fatal(d)
	}
}

// TestAnAgeBehindANameIsFound: between commas or in brackets, and no other number.
func TestAnAgeBehindANameIsFound(t *testing.T) {
	for text, want := range map[string][]string{
		"Helena Kowalczyk, 34, told the court.": {"34"},
		"Helena Kowalczyk (71) won.":            {"71"},
		"Helena Kowalczyk, 34 Mill Road":        nil,
		"Helena Kowalczyk, 34, 35, 36":          nil,
		"Helena Kowalczyk,34,12":                nil,
		"Helena Kowalczyk (1971) won.":          nil,
	} {
		if d := cmp.Diff(want, counted(text, dataclass.Age)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// TestWhatDescribesAPersonSpeaksForAName: an age or a telephone number right
// behind a listed name, and nothing further away.
func TestWhatDescribesAPersonSpeaksForAName(t *testing.T) {
	for _, tt := range []struct {
		text, value string
		entity      dataclass.Entity
		want        []string
	}{
		{"Rosalind, 34, told the court.", "34", dataclass.Age, []string{"Rosalind"}},
		{"Rosalind is 34 years old.", "34", dataclass.Age, []string{"Rosalind"}},
		{"Rosalind - 555 0101", "555 0101", dataclass.Phone, []string{"Rosalind"}},
		{"Rosalind, and I am 34.", "34", dataclass.Age, nil},
		{"Rosalind\n34", "34", dataclass.Age, nil},
		{"Support - 555 0101", "555 0101", dataclass.Phone, nil},
	} {
		at := strings.Index(tt.text, tt.value)
		f := dataclass.Finding{Entity: tt.entity, Start: at, End: at + len(tt.value), Score: 90}
		if d := cmp.Diff(tt.want, counted(tt.text, dataclass.Name, f)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}
