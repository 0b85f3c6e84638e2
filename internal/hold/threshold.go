package hold

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/rights"
)

// NeededFor is how many people the thresholds ask for, for a call of a tool with
// arguments; 0 where none applies.
func NeededFor(thresholds []rights.Threshold, tool string, arguments []byte) int {
	needed := 0
	for _, t := range thresholds {
		if (t.Tool == "" || t.Tool == tool) && t.Needed > needed && over(t, arguments) {
			needed = t.Needed
		}
	}
	return needed
}

// over reports whether an argument is over a threshold's figure, or not there to
// be compared.
func over(t rights.Threshold, arguments []byte) bool {
	limit, ok := new(big.Rat).SetString(t.Over)
	if !ok {
		return true
	}
	figure, ok := figureAt(arguments, t.Argument)
	return !ok || figure.Abs(figure).Cmp(limit) > 0
}

// figureAt reads the number at a JSON Pointer; false where there is none.
func figureAt(arguments []byte, pointer string) (*big.Rat, bool) {
	value := jsontext.Value(arguments)
	if !value.IsValid() { // names that stand twice included
		return nil, false
	}
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		var ok bool
		if value, ok = member(value, strings.NewReplacer("~1", "/", "~0", "~").Replace(token)); !ok {
			return nil, false
		}
	}
	return figure(strings.TrimSpace(string(value)))
}

func member(value jsontext.Value, name string) (jsontext.Value, bool) {
	switch value.Kind() {
	case '{':
		var fields map[string]json.RawMessage
		if json.Unmarshal(value, &fields) != nil {
			return nil, false
		}
		field, ok := fields[name]
		return jsontext.Value(field), ok
	case '[':
		var list []json.RawMessage
		at, err := strconv.ParseUint(name, 10, 16)
		if err != nil || json.Unmarshal(value, &list) != nil || at >= uint64(len(list)) || strconv.FormatUint(at, 10) != name {
			return nil, false
		}
		return jsontext.Value(list[at]), true
	}
	return nil, false
}

// maxFigure bounds the text of a number, and maxExponent its exponent: what is
// longer is no figure that a person could judge.
const (
	maxFigure   = 64
	maxExponent = 64
)

func figure(text string) (*big.Rat, bool) {
	if text == "" || len(text) > maxFigure || strings.Trim(text, "0123456789+-.eE") != "" {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}
