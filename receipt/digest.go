package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrAmbiguous is wrapped by Digest's errors: two readers of these arguments
// could take them for different things.
var ErrAmbiguous = errors.New("the arguments are not JSON that every reader reads alike")

// Bounds of arguments.
const (
	MaxArguments = 1 << 20 // bytes
	MaxDepth     = 64      // arrays and objects within one another
)

// Digest returns the SHA-256, in lower-case hex, of the arguments in the
// canonical form of RFC 8785. Equal digests mean equal arguments.
func Digest(arguments []byte) (string, error) {
	if len(arguments) > MaxArguments {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrAmbiguous, MaxArguments)
	}
	if err := plain(arguments); err != nil {
		return "", fmt.Errorf("%w: %w", ErrAmbiguous, err)
	}
	v := jsontext.Value(bytes.Clone(arguments))
	if v.Canonicalize() != nil {
		return "", ErrAmbiguous
	}
	sum := sha256.Sum256(v)
	return hex.EncodeToString(sum[:]), nil
}

// plain refuses what readers disagree about. The decoder itself refuses names
// that occur twice, bytes that are not UTF-8 and halves of surrogate pairs.
func plain(arguments []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(arguments))
	var names [MaxDepth + 1]map[string]bool // by depth, folded, of the object open there
	for ended := false; ; ended = d.StackDepth() == 0 {
		t, err := d.ReadToken()
		switch {
		case ended && errors.Is(err, io.EOF):
			return nil
		case err != nil || ended:
			return fmt.Errorf("not one JSON value of unique names in UTF-8, at byte %d", d.InputOffset())
		case d.StackDepth() > MaxDepth:
			return fmt.Errorf("deeper than %d levels", MaxDepth)
		}
		switch t.Kind() {
		case '{':
			names[d.StackDepth()] = make(map[string]bool)
		case '0':
			if !exact(t.String()) {
				return fmt.Errorf("a number that is not given back as it is written, before byte %d", d.InputOffset())
			}
		case '"':
			kind, n := d.StackIndex(d.StackDepth())
			if kind != '{' || n%2 == 0 {
				continue // a value
			}
			seen, name := names[d.StackDepth()], folded(t.String())
			if seen[name] {
				return fmt.Errorf("names that differ in case only, before byte %d", d.InputOffset())
			}
			seen[name] = true
		}
	}
}

// folded is equal for names that a decoder deaf to case takes for one.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// exact reports whether the shortest text of the double nearest to a number
// denotes that same number. Such numbers are the same to readers that compute
// in doubles, in decimals or in integers; 9007199254740993 and 1e400 are not.
// Nor is -0, which is 0 to some. Two numbers this near to one another are equal
// when their digits are.
func exact(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f == 0 && number[0] == '-' {
		return false
	}
	return digits(number) == digits(strconv.FormatFloat(f, 'e', -1, 64))
}

// digits are a number's significant digits; zero has none.
func digits(number string) string {
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	return strings.Trim(strings.Replace(strings.TrimPrefix(mantissa, "-"), ".", "", 1), "0")
}
