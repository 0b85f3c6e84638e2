package classifier

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

// chunked puts a text through a stream in pieces cut by a generator, and calls
// back after each.
func chunked(t *rapid.T, c *Classifier, text string, longest int, after func(s *Stream)) *Stream {
	s := c.Stream()
	runes := []rune(text)
	for len(runes) > 0 {
		n := min(rapid.IntRange(1, longest).Draw(t, "piece"), len(runes))
		s.Add("0.text", []byte(string(runes[:n])))
		s.Read()
		runes = runes[n:]
		after(s)
	}
	s.Close("")
	after(s)
	return s
}

// TestNothingIsLetGoThatTurnsOutToBePartOfSomething: whatever a stream's pieces
// are, an entity is known before its first byte is let go.
func TestNothingIsLetGoThatTurnsOutToBePartOfSomething(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		text := fragments(t, "text")
		longest := rapid.SampledFrom([]int{1, 3, 17, 200}).Draw(t, "longest")
		settled, known := []int{}, []int{}
		s := chunked(t, c, text, longest, func(s *Stream) {
			settled, known = append(settled, s.Settled("0.text")), append(known, len(s.Findings(0)))
		})
		if s.Settled("0.text") != len(text) {
			t.Fatalf("%d of %d bytes are decided at the end", s.Settled("0.text"), len(text))
		}
		for i, f := range s.Findings(0) {
			if f.Entity == dataclass.SourceText || f.Late {
				continue
			}
			for step, at := range settled {
				if known[step] <= i && at > f.Start {
					t.Fatalf("%d bytes of %q were let go while %+v was not known (step %d)", at, text, f, step)
				}
			}
		}
	})
}

// TestAStreamIsLabelledAsItsWholeText: how it is cut makes no difference.
func TestAStreamIsLabelledAsItsWholeText(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		text := fragments(t, "text")
		s := chunked(t, c, text, rapid.SampledFrom([]int{1, 5, 64}).Draw(t, "longest"), func(*Stream) {})
		whole := c.Text([]byte(text)).Label
		got := s.Label()
		if d := cmp.Diff(whole.Classes, got.Classes); d != "" || whole.Level != got.Level {
			t.Fatalf("%q: %s\nwhole %+v\nstream %+v", text, d, whole, got)
		}
	})
}

// TestAnEntityOverOneByteChunks is the hardest cut there is.
func TestAnEntityOverOneByteChunks(t *testing.T) {
	s := plain(t).Stream()
	text := "Your social security number is " + ssn + ", and there is nothing else to be told about it."
	most := 0
	for i := range text {
		s.Add("0.text", []byte(text[i:i+1]))
		s.Read()
		most = max(most, i+1-s.Settled("0.text"))
	}
	if got := s.Label().Counts[dataclass.RegulatedPersonal]; got != 1 {
		t.Errorf("found %d: %+v", got, s.Findings(0))
	}
	if most > 64 {
		t.Errorf("%d bytes were held back", most)
	}
}

// TestChannelsDoNotMix: what two blocks say is not one text.
func TestChannelsDoNotMix(t *testing.T) {
	s := plain(t).Stream()
	half := len(card) / 2
	s.Add("0.text", []byte(card[:half]))
	s.Read()
	s.Add("1.text", []byte(card[half:]))
	s.Read()
	s.Close("")
	if l := s.Label(); l.Counts[dataclass.PaymentCard] > 0 {
		t.Errorf("%+v", l)
	}
}

// TestAStalledStreamIsDecidedAsItStands: and what follows is seen nevertheless.
func TestAStalledStreamIsDecidedAsItStands(t *testing.T) {
	s := plain(t).Stream()
	half := len(card) / 2
	s.Add("0.text", []byte("card "+card[:half]))
	s.Read()
	if s.Settled("0.text") > len("card ") {
		t.Errorf("%d bytes were let go", s.Settled("0.text"))
	}
	s.Close("0.")
	if s.Settled("0.text") != len("card ")+half {
		t.Errorf("only %d bytes are decided", s.Settled("0.text"))
	}
	s.Add("0.text", []byte(card[half:]+" ok"))
	s.Read()
	s.Close("")
	if s.Label().Counts[dataclass.PaymentCard] != 1 {
		t.Errorf("%+v", s.Findings(0))
	}
}

// TestALongAnswerTakesBoundedMemory: what is decided is forgotten.
func TestALongAnswerTakesBoundedMemory(t *testing.T) {
	s := plain(t).Stream()
	for range 2000 {
		s.Add("0.text", []byte("And so the story went on and on, with nothing to report. "))
		s.Read()
	}
	if n := cap(s.channels["0.text"].window); n > 16<<10 {
		t.Errorf("the window is of %d bytes", n)
	}
	long := strings.Repeat("a1b2", 1<<16)
	s.Add("1.text", []byte(long))
	s.Read()
	if open := len(long) - s.Settled("1.text"); open > mostOpen {
		t.Errorf("%d bytes are held back", open)
	}
}

// Texts that come whole are not glued together: the id that every event has is
// no long encoded run.
func TestTextsThatEndDoNotGoOn(t *testing.T) {
	s := plain(t).Stream()
	const id = "chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684"
	for range 20 {
		s.Add("id", []byte(id))
		s.Read()
		s.End("id")
	}
	s.Add("id", []byte("SSN 536-22-8147"))
	s.Read()
	s.End("id")
	if l := s.Label(); len(l.Unscanned) != 0 || len(l.Entities) != 1 || s.Settled("id") != 20*len(id)+len("SSN 536-22-8147") {
		t.Errorf("%+v, %d settled", l, s.Settled("id"))
	}
	if f := s.Findings(0); len(f) != 1 || f[0].Start != 20*len(id)+len("SSN ") {
		t.Errorf("%+v", f)
	}
}
