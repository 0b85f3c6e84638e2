package personal

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// healthReach is the number of words within which a cue makes a sickness or a
// medicine somebody's.
const healthReach = 8

// scanHealth finds names of sicknesses and medicines. Alone they are possible;
// words that speak of a patient, or a dose, make them likely.
func (s *scanner) scanHealth(from, to int) {
	cueAt := -1 - healthReach
	for i := max(0, from-healthReach); i < to; i++ {
		t := &s.tokens[i]
		if (t.roles|t.first)&(healthCue|healthLabel|diagnosis|medication) == 0 && (t.end-t.start < 8 || i-cueAt > healthReach && !s.numbers) {
			continue
		}
		if t.roles&healthCue != 0 || t.first&healthCue != 0 && s.phraseAt(i, healthCue) > i {
			cueAt = i
		}
		if end := s.phraseAt(i, healthLabel); end > i && end < len(s.tokens) && s.tokens[end].gap&(gapColon|gapBlank|gapLine) == gapColon {
			cueAt = end
		}
		if i < from || t.shape >= number || t.glued {
			continue
		}
		near := i-cueAt <= healthReach
		if end := s.phraseAt(i, diagnosis); end > i {
			s.noteHealth(dataclass.Diagnosis, i, s.severity(end), near)
			i = end - 1
		} else if end := s.medicineAt(i, near); end > i {
			dose := s.dose(end)
			s.noteHealth(dataclass.Medication, i, dose, dose > end || near)
			i = end - 1
		}
	}
}

func (s *scanner) noteHealth(e dataclass.Entity, i, j int, cued bool) {
	if cued {
		s.add(e, s.tokens[i].start, s.tokens[j-1].end, dataclass.Likely+5, "lexicon", "patient")
	} else {
		s.add(e, s.tokens[i].start, s.tokens[j-1].end, dataclass.Possible, "lexicon", "")
	}
}

// phraseAt is the index behind the longest phrase with a role that begins at i;
// i if there is none.
func (s *scanner) phraseAt(i int, r role) int {
	end := i
	if s.tokens[i].roles&r != 0 {
		end = i + 1
	}
	if s.tokens[i].first&r == 0 {
		return end
	}
	key := s.tokens[i].key
	for k := i + 1; k < len(s.tokens) && k-i < maxPhrase && s.tokens[k].gap&^gapDash == 0; k++ {
		key = key.join(s.tokens[k].key)
		if is, _ := s.lexicon.get(key); is&r != 0 {
			end = k + 1
		}
	}
	return end
}

// severity takes what closely goes on a sickness: type 2, stage III.
func (s *scanner) severity(k int) int {
	if k+1 < len(s.tokens) && s.tokens[k].gap == 0 && (s.tokens[k].key == typeKey || s.tokens[k].key == stageKey) && s.tokens[k+1].gap == 0 && s.tokens[k+1].end-s.tokens[k+1].start <= 3 {
		return k + 2
	}
	return k
}

var typeKey, stageKey = hashOf("type"), hashOf("stage")

// stems are endings of the international names of medicines
// (https://www.who.int/teams/health-product-and-policy-standards/inn/stembook).
var stems = [...]string{
	"prazole", "sartan", "statin", "cillin", "mycin", "floxacin", "azepam", "azolam", "oxetine", "tidine", "gliptin", "gliflozin", "glutide",
	"olol", "dipine", "cycline", "conazole", "vir", "mab", "tinib", "parin", "xaban", "triptan", "setron", "thiazide", "profen", "dronate", "caine", "barbital", "coxib", "afil", "terol", "sone", "lukast",
}

// stemEnds are the last two letters of the stems.
var stemEnds = func() map[[2]byte]bool {
	out := make(map[[2]byte]bool)
	for _, stem := range stems {
		out[[2]byte([]byte(stem[len(stem)-2:]))] = true
	}
	return out
}()

// medicineAt is the index behind the name of a medicine at i; i if there is none.
// A name that only its ending gives away needs a cue or a dose.
func (s *scanner) medicineAt(i int, near bool) int {
	if end := s.phraseAt(i, medication); end > i {
		return end
	}
	t := &s.tokens[i]
	w := s.text[t.start:t.end]
	if len(w) < 8 || len(w) > 20 || t.roles|role(t.marks) != 0 || !near && s.dose(i+1) == i+1 {
		return i
	}
	if !stemEnds[[2]byte(w[len(w)-2:])] {
		return i
	}
	for _, stem := range stems {
		if bytes.HasSuffix(w, []byte(stem)) && len(w) > len(stem)+2 && (len(stem) > 4 || s.dose(i+1) > i+1) {
			return i + 1
		}
	}
	return i
}

// dose is the index behind a dose at k, such as 500 mg; k if there is none.
func (s *scanner) dose(k int) int {
	if k >= len(s.tokens) || s.tokens[k].gap&^(gapOpen|gapComma) != 0 || s.tokens[k].shape < number {
		return k
	}
	w := s.text[s.tokens[k].start:s.tokens[k].end]
	if digits := len(bytes.TrimRight(w, "mcguklMGIU")); digits < len(w) && digits > 0 && len(w)-digits <= 3 {
		return k + 1
	}
	if k+1 < len(s.tokens) && s.tokens[k+1].gap == 0 && isDose(s.text[s.tokens[k+1].start:s.tokens[k+1].end]) {
		return k + 2
	}
	return k
}

func isDose(w []byte) bool {
	switch string(w) {
	case "mg", "mcg", "g", "ml", "IU", "units", "µg", "ug", "MG", "mL":
		return true
	}
	return false
}

// phraseField notes the value of a field that holds a sickness or a medicine.
func (s *scanner) phraseField(e dataclass.Entity, name string) {
	if end := s.medicineAt(0, true); e == dataclass.Medication && end > 0 {
		s.add(e, s.tokens[0].start, s.tokens[s.dose(end)-1].end, dataclass.VeryLikely, "lexicon", name)
		return
	}
	k := 0
	for k < len(s.tokens) && k < 8 {
		if t := &s.tokens[k]; k > 0 && t.gap&(gapLine|gapComma|gapStop|gapColon) != 0 {
			break
		}
		k++
	}
	if first := &s.tokens[0]; k == 8 || first.shape == number || nothing[first.key] {
		return
	}
	s.add(e, s.tokens[0].start, s.tokens[k-1].end, dataclass.VeryLikely, "", name)
}

// nothing are the words that say that there is none.
var nothing = map[hash]bool{hashOf("none"): true, hashOf("no"): true, hashOf("n"): true, hashOf("null"): true, hashOf("unknown"): true, hashOf("nil"): true, hashOf("brak"): true, hashOf("ninguno"): true, hashOf("keine"): true}
