package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Baseline passes everything on but the findings whose fingerprint is known,
// and says at the end, as a measure, how many those were.
func Baseline(next Handler, known map[string]bool) Handler {
	return &newOnly{Handler: next, known: known}
}

type newOnly struct {
	Handler
	known map[string]bool
	left  int // known findings, not passed on
}

func (n *newOnly) Finding(f Finding) error {
	if f.Fingerprint == "" {
		f.Fingerprint = Fingerprint(f)
	}
	if n.known[f.Fingerprint] {
		n.left++
		return nil
	}
	return n.Handler.Finding(f)
}

func (n *newOnly) Flush() error {
	err := n.Handler.Measure(Measure{
		Name: "known findings", Value: strconv.Itoa(n.left), Unit: "findings",
		Definition: "findings that the baseline names already, and that this report therefore leaves out",
	})
	if err != nil {
		return err
	}
	return n.Handler.Flush()
}

// errNoBaseline is of a file that is JSON, but no report.
var errNoBaseline = errors.New("this is no JSON report of Writ's")

// ReadBaseline reads the fingerprints of an earlier JSON report. It refuses
// what is not one: another format, a missing or doubled member, a fingerprint
// of another form, bytes after the end. Members it does not know it passes
// over, since later versions may add some.
func ReadBaseline(r io.Reader) (map[string]bool, error) {
	known, err := readReport(jsontext.NewDecoder(r))
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	return known, nil
}

func readReport(dec *jsontext.Decoder) (map[string]bool, error) {
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errors.Join(errNoBaseline, err)
	}
	var format string
	var known map[string]bool
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		switch name.String() {
		case "format":
			err = json.UnmarshalDecode(dec, &format)
		case "findings":
			known, err = readFindings(dec)
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, errors.New("bytes after the end of the report")
	}
	if format != Format || known == nil {
		return nil, fmt.Errorf("%w: format %.40q, want %q", errNoBaseline, format, Format)
	}
	return known, nil
}

func readFindings(dec *jsontext.Decoder) (map[string]bool, error) {
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '[' {
		return nil, errors.Join(errNoBaseline, err)
	}
	known := make(map[string]bool)
	for dec.PeekKind() == '{' {
		var f struct {
			Fingerprint string `json:"fingerprint"`
		}
		if err := json.UnmarshalDecode(dec, &f); err != nil {
			return nil, err
		}
		if !isFingerprint(f.Fingerprint) {
			return nil, fmt.Errorf("finding %d: %.40q is no fingerprint", len(known), f.Fingerprint)
		}
		known[f.Fingerprint] = true
	}
	if t, err := dec.ReadToken(); err != nil || t.Kind() != ']' {
		return nil, errors.Join(errNoBaseline, err)
	}
	return known, nil
}

func isFingerprint(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
